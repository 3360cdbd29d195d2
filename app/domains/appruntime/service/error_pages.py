"""What a browser gets on the origin of an app instead of the app: our own page, in words, with the way back."""

import msgspec
from litestar.types import HTTPScope

from app.domains.appruntime.contracts import AppView
from app.shared.context import Runtime
from app.web.assets import assets_in

STYLES = (".css", ".woff2")
POLICY = "default-src 'none'; style-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'"
# why -> (status, title, what happened, whether the page asks again by itself)
ERROR_PAGES: dict[str, tuple[int, str, str, bool]] = {
    "requested": (503, "The app is about to start", "This page opens it as soon as it answers.", True),
    "installing": (503, "The app is being installed", "This page opens it as soon as it answers.", True),
    "starting": (503, "The app is starting", "This page opens it as soon as it answers.", True),
    "stopping": (503, "The app is being stopped", "Start it again in the portal.", False),
    "stopped": (503, "The app is stopped", "Start it again in the portal.", False),
    "failed": (503, "The app has ended", "The portal shows why, with the last lines it wrote.", False),
    "released": (410, "The app is gone", "It was released, or its machine was released.", False),
    "silent": (502, "The app does not answer", "The machine or the app is silent. Try again in a moment.", True),
    "stranger": (404, "There is no such app", "Or you may not open it. Ask one of its owners.", False),
    "used_up": (410, "This way in is used up", "It works once, within half a minute. Open the app again.", False),
}  # fmt: skip


PLAIN = ((b"content-type", b"text/plain; charset=utf-8"),)


class Answer(msgspec.Struct, frozen=True):
    """A small answer of our own."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = PLAIN


class Wall(msgspec.Struct, frozen=True, kw_only=True):
    """What appruntime/wall.html gets."""

    status: int
    title: str
    what: str
    again: bool
    portal: str


def wall(runtime: Runtime, scope: HTTPScope, why: str, app: AppView | None = None) -> Answer:
    """The page that says why. It names nothing to who may not see the app."""
    status, title, what, again = ERROR_PAGES[why]
    known = app is not None and why != "stranger"
    portal = f"{runtime.settings.web.public_url}/apps" + (f"/{app.id}" if app is not None and known else "")
    shown = Wall(status=status, title=title, what=what, again=again and scope["method"] == "GET", portal=portal)
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", POLICY.encode()),
        (b"x-frame-options", b"DENY"),
    ]
    if again:
        headers.append((b"retry-after", b"3"))
    if runtime.templates is None:
        raise RuntimeError("this process renders no pages")
    text = runtime.templates.get_template("appruntime/wall.html").render(page=shown)
    return Answer(status, text.encode(), tuple(headers))


def static_file(name: str) -> Answer | None:
    """One of the portal's styles or fonts, for our own pages on an app's origin."""
    asset = assets_in().find(name) if name.endswith(STYLES) else None
    if asset is None:
        return None
    return Answer(200, asset.contents["identity"], ((b"content-type", asset.kind.encode()),))
