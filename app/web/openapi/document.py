"""The API's own description (OpenAPI 3.1): what Litestar reads from the handlers, finished with what only we know.

Adds to each operation its permission, the idempotency key that a mutation wants, the bearer token, the one error
envelope and a title in words. `./berth docs` writes the result to `docs/openapi.json`, unless it would take something
away from programs; a test compares it.
"""

import copy
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

from app.shared.authz import Permission
from app.shared.errors.oauth import PATHS
from app.web.openapi.answers import SCHEMAS, UNSAFE, answers, components
from app.web.openapi.exact import bound_integers, close_bodies, opaque_cursors
from app.web.types import AnyRequest

Schema = dict[str, Any]
VERSION = "1"
INTRODUCTION = (
    "Money is in micro-units of the organisation's currency (1 USD = 1,000,000), rates in micro-units per hour, "
    "instants in UTC (RFC 3339), usage in whole seconds. A list is `{items, next_cursor}`: pass `next_cursor` as "
    "`cursor` for the next page. Every mutation wants an `X-Idempotency-Key`: repeat a request with the same key and "
    "it happens once. A request is read exactly: an unknown field or parameter, a name that comes twice or a value of "
    "another type is refused with 422, and `details.fields` names each one. Within v1 answers only gain fields."
)
KEY_PARAMETER: Schema = {
    "name": "X-Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
    "description": "a name of your own for this change; the same key with the same body happens once",
}


class DescribedJson(JsonRenderPlugin):
    """Serves `openapi.json` below the schema router."""

    def render(self, request: AnyRequest, openapi_schema: Schema) -> bytes:
        return self.render_json(request, described(request.app))


def described(app: Litestar) -> Schema:
    """The finished schema; made on first use, kept with the application that owns the routes."""
    state = app.asgi_router.app.state
    if "openapi" not in state:
        state.openapi = _describe(app)
    schema: Schema = state.openapi
    return schema


def _describe(app: Litestar) -> Schema:
    schema: Schema = app.openapi_schema.to_schema()
    handlers = dict(_handlers(app))
    schema["info"] = {"title": "Berth", "version": VERSION, "description": INTRODUCTION}
    schema["servers"] = [{"url": "/"}]
    parts = schema.setdefault("components", {})
    parts.setdefault("schemas", {}).update(copy.deepcopy(SCHEMAS))
    parts["responses"] = components()
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            _finish(operation, handlers[path, method], path, method)
    for part in parts["schemas"].values():
        if "description" in part:  # indented or not, by the version of Python
            part["description"] = " ".join(part["description"].split())
    _title_apart(parts["schemas"])
    close_bodies(schema)
    bound_integers(schema)
    opaque_cursors(schema)
    _name_apart([operation for item in schema["paths"].values() for operation in item.values()])
    schema["paths"] = dict(sorted(schema["paths"].items()))
    parts["schemas"] = dict(sorted(parts["schemas"].items()))
    schema["tags"] = [{"name": name} for name in sorted({tag_of(path) for path in schema["paths"]})]
    return schema


def _handlers(app: Litestar) -> Iterator[tuple[tuple[str, str], HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    yield (route.path_format, method.lower()), handler


def _finish(operation: Schema, handler: HTTPRouteHandler, path: str, method: str) -> None:
    words = " ".join((handler.fn.__doc__ or "").split())
    title, _, rest = words.partition(". ")
    operation["operationId"] = handler.handler_name
    operation["summary"] = title.rstrip(".")
    operation["tags"] = [tag_of(path)]
    operation.pop("deprecated", None)
    operation.pop("description", None)
    if rest:
        operation["description"] = rest
    permission = handler.opt.get("permission")
    if isinstance(permission, Permission):
        operation["x-permission"] = permission.value
        operation["security"] = [{"token": []}]
    parameters = [_plain(parameter) for parameter in operation.get("parameters", ())]
    if method in UNSAFE and permission is not None and handler.opt.get("idempotent"):
        parameters.append(KEY_PARAMETER)
    if parameters:
        operation["parameters"] = parameters
    operation["responses"] = answers(operation, handler, method, is_oauth=path in PATHS)


def _name_apart(operations: list[Schema]) -> None:
    """An operation is called as its handler; where two chapters have one name, the chapter stands behind it."""
    names = Counter(operation["operationId"] for operation in operations)
    for operation in operations:
        if names[operation["operationId"]] > 1:
            operation["operationId"] += "_" + operation["tags"][0].replace("-", "_")


def _title_apart(schemas: dict[str, Schema]) -> None:
    """Programs call their types by the titles: where domains share one, the domain stands before it."""
    titles = Counter(part.get("title") for part in schemas.values())
    for name, part in schemas.items():
        if titles[part.get("title")] > 1:
            part["title"] = name.partition("_")[0].title() + str(part["title"])


def _plain(parameter: Schema) -> Schema:
    """An optional parameter is left out, never sent as null."""
    schema = dict(parameter.get("schema", {}))
    choices = [choice for choice in schema.pop("oneOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema = choices[0] | schema
    elif choices:
        schema["oneOf"] = choices
    words = schema.pop("description", None) or parameter.get("description")
    kept = {"name": parameter["name"], "in": parameter["in"], "required": parameter.get("required", False)}
    return kept | {"schema": schema} | ({"description": words} if words else {})


def tag_of(path: str) -> str:
    """The chapter of a path: `/api/v1/ssh-keys/{id}` -> `ssh-keys`, `/api/v1/admin/nodes` -> `admin-nodes`."""
    words = [word for word in re.sub(r"^/api/v1", "", path).split("/") if word and not word.startswith("{")]
    if words[:1] == ["admin"] and len(words) > 1:
        return f"admin-{words[1]}"
    return words[0] if words else "api"
