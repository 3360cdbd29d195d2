"""Which headers pass between a browser and an app, and in what shape. Pure.

Hop-by-hop headers end here (RFC 9110, 7.6.1), and so does all that frames a body: each side frames for itself. What
claims to come from a proxy is ours to say. Cookies of the portal and of the proxy never reach an app, and an app can
neither set them nor set a cookie for more than its own host.
"""

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote_from_bytes

import msgspec

Header = tuple[bytes, bytes]
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade".split()
)
FRAMING = frozenset((b"content-length", b"transfer-encoding", b"expect"))
SPOOFABLE = frozenset((b"forwarded", b"x-real-ip", b"x-client-ip", b"via"))
MAX_DIGITS = 18
VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))
SOCKET_OWN = frozenset(
    b"sec-websocket-key sec-websocket-version sec-websocket-extensions sec-websocket-protocol "
    b"sec-websocket-accept".split()
)
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
# What an app may not tell a browser: about other addresses than its own, or what our own server says.
NOT_THEIRS = frozenset((b"alt-svc", b"clear-site-data", b"date"))


def is_ours(name: str, instance: str) -> bool:
    """Whether a cookie's name is one of the portal's or the proxy's."""
    plain = name.strip().lower().removeprefix("__host-").removeprefix("__secure-")
    return plain.startswith((f"{instance.lower()}-", "berth_theme_"))


def cookies_for_app(header: str, instance: str) -> str:
    """A Cookie header without ours; empty when nothing is left."""
    parts = [part.strip() for part in header.split(";")]
    return "; ".join(part for part in parts if part and not is_ours(part.partition("=")[0], instance))


def cookie_for_browser(header: str, instance: str) -> str | None:
    """A Set-Cookie header for the app's own host alone; None when its name is ours."""
    parts = header.split(";")
    if is_ours(parts[0].partition("=")[0], instance):
        return None
    return ";".join(part for part in parts if part.partition("=")[0].strip().lower() != "domain")


def request_headers(
    headers: Iterable[Header], *, host: str, scheme: str, instance: str, spent: frozenset[bytes] = frozenset()
) -> list[Header]:
    """What the app gets, without `spent` and without what frames the body."""
    given = [(name.lower(), value.strip()) for name, value in headers]
    named = _named_in_connection(given)
    dropped = HOP_BY_HOP | FRAMING | named | spent | {b"host", b"cookie"}
    passed = [(name, value) for name, value in given if name not in dropped and not _is_spoofed(name)]
    crumbs = [value.decode("latin-1") for name, value in given if name == b"cookie" and name not in named]
    cookies = cookies_for_app("; ".join(crumbs), instance)  # HTTP/1.1 has one Cookie header (RFC 6265, 5.4)
    if cookies:
        passed.append((b"cookie", cookies.encode("latin-1")))
    own = [(b"host", host), (b"x-forwarded-host", host), (b"x-forwarded-proto", scheme)]
    return [(name, text.encode()) for name, text in own] + passed


def _is_spoofed(name: bytes) -> bool:
    """Also with `_`, which many servers take for `-`."""
    plain = name.replace(b"_", b"-")
    return plain in SPOOFABLE or plain.startswith(b"x-forwarded-")


def response_headers(headers: Iterable[Header], instance: str) -> list[Header]:
    """What the browser gets."""
    given = [(name.lower(), value) for name, value in headers]
    dropped = HOP_BY_HOP | FRAMING | NOT_THEIRS | _named_in_connection(given)
    passed = [header for name, value in given if name not in dropped for header in _passed(name, value, instance)]
    return [*passed, (b"content-security-policy", _ancestors(given))]


def _passed(name: bytes, value: bytes, instance: str) -> Iterator[Header]:
    if name != b"set-cookie":
        yield name, value
        return
    cookie = cookie_for_browser(value.decode("latin-1"), instance)
    if cookie is not None:
        yield name, cookie.encode("latin-1")


def _ancestors(headers: Iterable[Header]) -> bytes:
    """Who may frame the app: its own pages. Browsers take this instead of X-Frame-Options, so a stricter one counts;
    policies of the app stand beside it, and all of them hold."""
    denied = any(name == b"x-frame-options" and b"deny" in value.lower() for name, value in headers)
    return b"frame-ancestors 'none'" if denied else b"frame-ancestors 'self'"


def _named_in_connection(headers: Iterable[Header]) -> frozenset[bytes]:
    """Headers that a Connection header declares to be for this hop only."""
    return frozenset(
        part.strip().lower() for name, value in headers if name.lower() == b"connection" for part in value.split(b",")
    )


class Fetched(msgspec.Struct, frozen=True):
    """What a browser says about where a request comes from: Origin and the Sec-Fetch headers; None: nothing."""

    origin: str | None
    site: str | None
    mode: str | None
    dest: str | None


def is_welcome(method: str, fetched: Fetched, own: str) -> bool:
    """Whether a browser says that a request comes from the app's own pages, or is a person following a link.

    Where apps share a site, SameSite cookies do not keep one from calling or framing another: this does.
    """
    if fetched.origin == "null":  # what a page sends to itself under `Referrer-Policy: no-referrer` (Fetch, 4.6)
        return fetched.site == "same-origin"
    if fetched.origin is not None and fetched.origin != own:
        return False
    if fetched.site in (None, "same-origin", "none"):
        return True
    return method in SAFE and fetched.mode == "navigate" and fetched.dest in (None, "document")


def body_length(headers: Iterable[Header]) -> int | None:
    """Bytes of a request's body; None when it comes in chunks. Raises ValueError when the headers do not agree on it or
    name a coding that would be lost on the way (RFC 9112, 6.1 to 6.3)."""
    given = [(name.lower(), value.strip()) for name, value in headers]
    lengths = [value for name, value in given if name == b"content-length"]
    codings = [value.lower() for name, value in given if name == b"transfer-encoding"]
    if codings:
        if codings != [b"chunked"] or lengths:
            raise ValueError("a body that is framed in two ways, or in one that cannot be passed on")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > MAX_DIGITS:
        raise ValueError("a Content-Length that is not one number")
    return int(lengths[0])


def target_of(raw_path: bytes, query: bytes) -> bytes:
    """The request's target in origin-form (RFC 9112, 3.2.1), or `*`. Raises ValueError for any other form."""
    path = raw_path.partition(b"?")[0]
    if not path.startswith(b"/") and path != b"*":
        raise ValueError("not an address on this host")
    target = path + (b"?" + query if query else b"")
    return quote_from_bytes(target, safe=VISIBLE).encode()


def is_our_token(value: str, issuer: str) -> bool:
    """Whether an Authorization header carries an access token that claims to be the portal's. Nothing is verified: one
    that is ours must never reach an app, also when it is no longer good."""
    scheme, _, token = value.strip().partition(" ")
    parts = token.strip().split(".")
    if scheme.lower() != "bearer" or len(parts) != 3:
        return False
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, msgspec.MsgspecError):
        return False
    return isinstance(claims, dict) and claims.get("iss") == issuer
