"""Kinds of content (RFC 9110 §8.3, §12.5.1): what a route reads, else 415, and what it answers with, else 406.

Both follow from how the route is declared: JSON below `/api/`, the declared kind of its body elsewhere. What takes no
declared body outside of the API (a signed webhook) reads its bytes itself and is not judged.
"""

from functools import lru_cache

from litestar.datastructures import Headers
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg
from litestar.response import Stream

from app.shared.errors.http import NotAcceptable, UnsupportedMediaType
from app.web.types import AnyRequest

JSON = "application/json"
TABLES = ("text/csv", "application/x-ndjson")
PAGES = ("text/html", JSON)  # a program that asks a page for JSON gets its refusals so
UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})


@lru_cache(maxsize=2048)
def read_by(handler: HTTPRouteHandler, *, is_api: bool) -> str | None:
    """The media type of the bodies that `handler` reads; None when it judges them itself."""
    if is_api:
        return JSON
    body = handler.parsed_fn_signature.parameters.get("data")
    declared = body.kwarg_definition if body is not None else None
    kind = declared.media_type if isinstance(declared, BodyKwarg) else None
    return kind.value if isinstance(kind, RequestEncodingType) else kind


@lru_cache(maxsize=2048)
def written_by(handler: HTTPRouteHandler, *, is_api: bool) -> tuple[str, ...]:
    """The media types that `handler` answers with; empty when it is not known before."""
    answer = handler.parsed_fn_signature.return_type
    if answer.is_subclass_of(Stream):
        return TABLES
    if is_api:
        return (JSON,)
    return PAGES if answer.inner_types and answer.inner_types[0].annotation is str else ()


def check_media(request: AnyRequest, handler: HTTPRouteHandler) -> None:
    """Raises UnsupportedMediaType, NotAcceptable."""
    is_api = request.url.path.startswith("/api/")
    wanted = read_by(handler, is_api=is_api)
    if wanted is not None and has_body(request.headers) and not is_kind(request.headers, wanted):
        refusal = UnsupportedMediaType(f"This address reads {wanted} in UTF-8.", reads=wanted)
        refusal.headers = {"accept": wanted} | ({"accept-post": wanted} if request.method == "POST" else {})
        raise refusal
    written = written_by(handler, is_api=is_api)
    if written and not is_accepted(", ".join(request.headers.getall("accept", [])), written):
        raise NotAcceptable(f"This address answers with {' or '.join(written)}.", answers=list(written))


def has_body(headers: Headers) -> bool:
    """Whether content was announced (RFC 9112 §6)."""
    return "transfer-encoding" in headers or headers.get("content-length", "0").strip().strip("0") != ""


def is_kind(headers: Headers, wanted: str) -> bool:
    """Whether the one Content-Type is `wanted`, in UTF-8."""
    types = headers.getall("content-type", [])
    if len(types) != 1:
        return False
    kind, _, parameters = types[0].partition(";")
    charsets = [value for name, _, value in _pairs(parameters) if name == "charset"]
    return kind.strip().lower() == wanted and all(value.strip('"').lower() in UTF_8 for value in charsets)


def is_accepted(accept: str, written: tuple[str, ...]) -> bool:
    """Whether one of `written` has a weight above 0 in `accept`; for each the most specific range counts."""
    ranges = dict(_weights(accept))
    if not ranges:
        return True
    for kind in written:
        group = kind.partition("/")[0] + "/*"
        if next((ranges[name] for name in (kind, group, "*/*") if name in ranges), 0.0) > 0:
            return True
    return False


def _weights(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.split(","):
        kind, _, parameters = part.partition(";")
        kind = kind.strip().lower()
        if not kind:
            continue
        weight = next((value for name, _, value in _pairs(parameters) if name == "q"), "1")
        found.append(("*/*" if kind == "*" else kind, 0.0 if not weight.strip("0.") else 1.0))
    return sorted(found, key=lambda pair: pair[1])  # of two that say the same kind the kinder one counts


def _pairs(parameters: str) -> list[tuple[str, str, str]]:
    split = (part.partition("=") for part in parameters.split(";"))
    return [(name.strip().lower(), is_set, value.strip()) for name, is_set, value in split]
