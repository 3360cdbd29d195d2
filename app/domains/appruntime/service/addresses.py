"""The origin of each app, from BERTH_APPS_URL: a `*` stands where the app's handle goes."""

import re
from urllib.parse import urlsplit

from app.settings import WebSettings

HANDLE = re.compile(r"[0-9a-f]{12}")


def origin_of(web: WebSettings, handle: str) -> str:
    """For example http://3f9a1c0b22d4.localhost:8000."""
    return web.apps_url.replace("*", handle)


def host_of(web: WebSettings, handle: str) -> str:
    """The same as it stands in a Host header."""
    return urlsplit(origin_of(web, handle)).netloc


def handle_in(web: WebSettings, host: str) -> str | None:
    """The handle in a Host header; None when it is not the host of an app."""
    before, _, after = urlsplit(web.apps_url).netloc.lower().partition("*")
    host = host.lower()
    if not (host.startswith(before) and host.endswith(after)):
        return None
    handle = host[len(before) : len(host) - len(after)]
    return handle if HANDLE.fullmatch(handle) else None
