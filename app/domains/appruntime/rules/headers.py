"""Which headers pass between a browser and an app, and in what shape. Pure.

Hop-by-hop headers end here (RFC 9110, 7.6.1). What claims to come from a proxy is ours to say. Cookies of the portal
and of the proxy never reach an app, and an app can neither set them nor set a cookie for more than its own host.
"""

from collections.abc import Iterable, Iterator

Header = tuple[bytes, bytes]
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade".split()
)
SPOOFABLE = frozenset((b"forwarded", b"x-real-ip", b"x-client-ip", b"via"))
SOCKET_OWN = frozenset(
    b"sec-websocket-key sec-websocket-version sec-websocket-extensions sec-websocket-protocol "
    b"sec-websocket-accept".split()
)
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


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


def request_headers(headers: Iterable[Header], *, host: str, scheme: str, instance: str) -> list[Header]:
    """What the app gets."""
    given = list(headers)
    named = _named_in_connection(given)
    passed = []
    for name, value in given:
        name = name.lower()
        if name in HOP_BY_HOP or name in SPOOFABLE or name in named or name == b"host":
            continue
        if name.startswith(b"x-forwarded-"):
            continue
        if name == b"cookie":
            value = cookies_for_app(value.decode("latin-1"), instance).encode("latin-1")
            if not value:
                continue
        passed.append((name, value))
    own = [(b"host", host), (b"x-forwarded-host", host), (b"x-forwarded-proto", scheme)]
    return [(name, text.encode()) for name, text in own] + passed


def response_headers(headers: Iterable[Header], instance: str) -> list[Header]:
    """What the browser gets."""
    given = list(headers)
    named = _named_in_connection(given)
    return [
        header
        for name, value in given
        if name.lower() not in HOP_BY_HOP and name.lower() not in named and name.lower() != b"alt-svc"
        for header in _response_header(name.lower(), value, instance)
    ]


def _response_header(name: bytes, value: bytes, instance: str) -> Iterator[Header]:
    if name != b"set-cookie":
        yield name, value
        return
    cookie = cookie_for_browser(value.decode("latin-1"), instance)
    if cookie is not None:
        yield name, cookie.encode("latin-1")


def _named_in_connection(headers: Iterable[Header]) -> frozenset[bytes]:
    """Headers that a Connection header declares to be for this hop only."""
    return frozenset(
        part.strip().lower() for name, value in headers if name.lower() == b"connection" for part in value.split(b",")
    )


def is_welcome(method: str, origin: str | None, site: str | None, mode: str | None, own: str) -> bool:
    """Whether a browser says that a request comes from the app's own pages, or is a person following a link.

    Apps share a site with each other, so SameSite cookies do not keep one from calling another: this does.
    """
    if origin is not None and origin != own:
        return False
    if site in (None, "same-origin", "none"):
        return True
    return method in SAFE and mode == "navigate"


def is_chunked(headers: Iterable[Header]) -> bool:
    return any(name.lower() == b"transfer-encoding" for name, _ in headers)


def has_body(headers: Iterable[Header]) -> bool:
    """Whether a request brings a body."""
    sized = any(name.lower() == b"content-length" and value.strip() != b"0" for name, value in headers)
    return sized or is_chunked(headers)
