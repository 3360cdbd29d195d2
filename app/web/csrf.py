"""Cross-site request forgery: a token bound to the session, and the browser's own word on where a request comes from.

Source: OWASP ASVS 5.0 §3.5; Fetch Metadata (W3C). Both must hold for a request that a cookie authenticates.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from app.settings import WebSettings
from app.web.types import AnyConnection

MASK_BYTES = hashlib.sha256().digest_size


def csrf_token(settings: WebSettings, session_cookie: str | None) -> str:
    """A token of that session (or of nobody's), good for its life. Each call writes it differently, under a mask that
    stands before it: what does not repeat cannot be read from the length of compressed pages (BREACH)."""
    mask = secrets.token_bytes(MASK_BYTES)
    return base64.urlsafe_b64encode(mask + _xor(mask, _proof(settings, session_cookie))).decode().rstrip("=")


def is_csrf_token(settings: WebSettings, session_cookie: str | None, candidate: str) -> bool:
    """Constant-time comparison."""
    try:
        decoded = base64.urlsafe_b64decode(candidate + "==")
    except (ValueError, binascii.Error):
        return False
    mask, masked = decoded[:MASK_BYTES], decoded[MASK_BYTES:]
    return len(masked) == MASK_BYTES and hmac.compare_digest(_xor(mask, masked), _proof(settings, session_cookie))


def _proof(settings: WebSettings, session_cookie: str | None) -> bytes:
    message = f"csrf:{session_cookie or 'anonymous'}".encode()
    return hmac.digest(settings.secret_key.encode(), message, "sha256")


def _xor(mask: bytes, value: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(mask, value, strict=True))


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
