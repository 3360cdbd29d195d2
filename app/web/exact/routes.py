"""Every request below `/api/v1` is held against its handler's signature before the handler runs.

What a route takes is read from Litestar's own model of it once, when the routes are made, so a new handler is exact
without anybody thinking of it. The body that was checked is handed on as the struct that it became: it is not read a
second time, in another way. Cursors are opened here, see `app.web.cursors`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple
from urllib.parse import unquote_to_bytes, urlencode

import msgspec
from litestar import Litestar
from litestar._kwargs import KwargsModel
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import KwargDefinition
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition
from litestar.utils.scope.state import ScopeState
from msgspec import inspect

from app.shared.errors import ValidationFailed
from app.web.cursors import CURSOR, FOREIGN, Pair, open_cursor, pairs_of
from app.web.exact.check import Fault, faults, gathered, shown, unknown
from app.web.exact.decode import BODY, Members, NotJson, decode
from app.web.route import API
from app.web.types import AnyRequest

CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,38})")
WORDS = {"true": True, "false": False}


class Parameter(NamedTuple):
    """One query parameter: of which kind each value is, whether several may come, whether one must."""

    kind: inspect.Type
    many: bool
    required: bool


class Shape(NamedTuple):
    """What a handler takes. `body` is None for one that takes none."""

    query: dict[str, Parameter]
    body: type | None
    kind: inspect.Type | None


def is_exact(path: str) -> bool:
    """Whether requests to this path are read exactly."""
    return path == API or path.startswith(API + "/")


class ExactRequests:
    """`before_request` of the application. `learn` reads the routes once they are all known."""

    def __init__(self) -> None:
        self._shapes: dict[HTTPRouteHandler, Shape] = {}

    def learn(self, app: Litestar) -> None:
        """Remember what every handler below `/api/v1` takes."""
        for route in app.routes:
            if isinstance(route, HTTPRoute) and is_exact(route.path):
                for method, (handler, model) in route.route_handler_map.items():
                    if method != "OPTIONS":
                        self._shapes[handler] = _shape(handler, model)

    async def __call__(self, request: AnyRequest) -> None:
        """Raises ValidationFailed that names every fault of the query and of the body."""
        handler = request.route_handler
        if not is_exact(request.scope["path"]) or request.scope["method"] == "OPTIONS":
            return
        shape = self._shapes[handler]
        found, value = [*self._read_query(request, shape)], None
        body = await request.body()
        try:
            value = decode(body) if body and (shape.kind is not None or _is_json(request)) else None
            found += _body_faults(body, value, shape)
        except NotJson as error:
            found.append((BODY, str(error)))
        if found:
            raise refusal(found)
        if shape.body is not None:
            ScopeState.from_scope(request.scope).json = msgspec.convert(value, shape.body)

    def _read_query(self, request: AnyRequest, shape: Shape) -> Iterator[Fault]:
        query: bytes = request.scope["query_string"]
        try:
            unquote_to_bytes(query).decode()
        except UnicodeDecodeError:
            yield "query", "is not UTF-8"
            return
        pairs = pairs_of(query)
        if CURSOR in shape.query:
            opened = open_cursor(request, pairs, request.route_handler.opt.get("cursor_words", ()))
            if opened is None:
                yield CURSOR, FOREIGN
            pairs = [pair for pair in pairs if pair[0] != CURSOR] if opened is None else opened
            request.scope["query_string"] = urlencode(pairs).encode()
        yield from _query_faults(pairs, shape)


def refusal(found: Sequence[Fault]) -> ValidationFailed:
    """The one error for all of them."""
    fields = gathered(found)
    return ValidationFailed(f"The body {fields[BODY]}." if BODY in fields else None, fields=fields)


def _shape(handler: HTTPRouteHandler, model: KwargsModel) -> Shape:
    body = handler.parsed_fn_signature.parameters.get("data")
    annotation = None if body is None else body.annotation
    fields = dict(_fields(handler))
    query = {
        known.field_alias: Parameter(_kind(fields[known.field_name]), known.is_sequence, known.is_required)
        for known in model.expected_query_params
    }
    return Shape(query, annotation, None if annotation is None else inspect.type_info(annotation))


def _fields(handler: HTTPRouteHandler) -> Iterator[tuple[str, FieldDefinition]]:
    """Parameters of what the handler depends on, then its own."""
    for provide in handler.resolve_dependencies().values():
        yield from provide.parsed_fn_signature.parameters.items()
    yield from handler.parsed_fn_signature.parameters.items()


def _kind(field: FieldDefinition) -> inspect.Type:
    """The type of one value with its bounds; that a parameter may be absent is no kind of value."""
    inner = field
    while inner.is_union or inner.is_non_string_sequence:
        inner = next(choice for choice in inner.inner_types if not choice.is_none_type)
    definition = field.kwarg_definition
    bounds = (
        {name: getattr(definition, name) for name in CONSTRAINTS} if isinstance(definition, KwargDefinition) else {}
    )
    bounds = {name: bound for name, bound in bounds.items() if bound is not None}
    return inspect.type_info(Annotated[inner.annotation, msgspec.Meta(**bounds)] if bounds else inner.annotation)


def _query_faults(pairs: list[Pair], shape: Shape) -> Iterator[Fault]:
    counts = Counter(name for name, _ in pairs)
    for name, text in pairs:
        parameter = shape.query.get(name)
        if parameter is None:
            yield shown(name), unknown(name, shape.query)
        elif counts[name] > 1 and not parameter.many:
            yield name, "is given more than once"
        else:
            yield from faults(_read(text, parameter.kind), parameter.kind, name)
    for name, parameter in shape.query.items():
        if parameter.required and not counts[name]:
            yield name, "is required"


def _read(text: str, kind: inspect.Type) -> object:
    """A parameter is text; what it says in the one way of writing it."""
    if isinstance(kind, inspect.BoolType):
        return WORDS.get(text, text)
    if isinstance(kind, inspect.IntType) and DECIMAL.fullmatch(text):
        return int(text)
    return text


def _body_faults(body: bytes, value: object, shape: Shape) -> Iterator[Fault]:
    if shape.kind is not None:
        if not body:
            yield BODY, "is empty; a JSON object is wanted"
        else:
            yield from faults(value, shape.kind)
    elif isinstance(value, Members):
        yield from ((shown(name), unknown(name, ())) for name in value)
    elif body:
        yield BODY, "is not taken: this request has no body"


def _is_json(request: AnyRequest) -> bool:
    return request.content_type[0] in ("", RequestEncodingType.JSON)
