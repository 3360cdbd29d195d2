"""Cross-site request forgery: a token bound to the session, and the browser's own word on where a request comes from.

Source: OWASP ASVS 5.0 §3.5; Fetch Metadata (W3C). Both must hold for a request that a cookie authenticates.
"""

import hashlib
import hmac
from urllib.parse import urlsplit

from app.settings import WebSettings
from app.web.types import AnyConnection


def csrf_token(settings: WebSettings, session_cookie: str | None) -> str:
    """The token of that session (or of nobody's), stable for its life."""
    message = f"csrf:{session_cookie or 'anonymous'}".encode()
    return hmac.new(settings.secret_key.encode(), message, hashlib.sha256).hexdigest()


def is_csrf_token(settings: WebSettings, session_cookie: str | None, candidate: str) -> bool:
    """Constant-time comparison."""
    return hmac.compare_digest(csrf_token(settings, session_cookie).encode(), candidate.encode(errors="replace"))


def is_same_origin(settings: WebSettings, connection: AnyConnection) -> bool:
    """Whether the browser says the request was made by our own page. Absent both headers the answer is no."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin")
    return origin is not None and origin_of(origin) == origin_of(settings.public_url)


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host in lower case, port with its default filled in; ('', '', None) for what is not an origin."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ("", "", None)
    return (parts.scheme, parts.hostname.lower(), port) if parts.hostname else ("", "", None)
