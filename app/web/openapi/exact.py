"""What the description says because requests are read exactly: no other fields in a body, bounds on every integer,
opaque cursors.

Answers stay open, because within v1 they gain fields. Pure, on the description as it is made.
"""

from collections.abc import Iterator
from typing import Any

from app.web.cursors import CURSOR, NEXT
from app.web.exact import SAFE, is_exact

Schema = dict[str, Any]
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def close_bodies(root: Schema) -> None:
    """Say of every object in a JSON body of the API that it has no other fields."""
    for path, item in root["paths"].items():
        for operation in item.values() if is_exact(path) else ():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for schema in objects_in(root, body.get("schema", {}), set()):
                schema["additionalProperties"] = False


def objects_in(root: Schema, schema: Any, seen: set[str]) -> Iterator[Schema]:
    """Every object with properties in a schema, through its references."""
    if isinstance(schema, list):
        for part in schema:
            yield from objects_in(root, part, seen)
    if not isinstance(schema, dict):
        return
    reference = schema.get("$ref", "")
    if reference and reference not in seen:
        seen.add(reference)
        _, kind, name = reference.rsplit("/", 2)
        yield from objects_in(root, root["components"][kind][name], seen)
    if "properties" in schema:
        yield schema
    for name, part in schema.items():
        yield from objects_in(root, list(part.values()) if name == "properties" else part, seen)


def integers_in(schema: Any) -> Iterator[Schema]:
    """Every schema below that allows an integer."""
    if isinstance(schema, list):
        for part in schema:
            yield from integers_in(part)
    if isinstance(schema, dict):
        kind = schema.get("type")
        if kind == "integer" or (isinstance(kind, list) and "integer" in kind):
            yield schema
        for part in schema.values():
            yield from integers_in(part)


def bound_integers(root: Schema) -> None:
    """An integer without bounds of its own has those within which every program reads it alike (RFC 8259 section 6)."""
    for schema in integers_in(root):
        for name in BOUNDS:
            if name in schema:
                schema[name] = int(schema[name])
        if "exclusiveMinimum" not in schema:
            schema.setdefault("minimum", -SAFE)
        if "exclusiveMaximum" not in schema:
            schema.setdefault("maximum", SAFE)


def opaque_cursors(root: Schema) -> None:
    """On the wire a cursor is text that means nothing, whatever the position is that it seals."""
    for operation in (operation for item in root["paths"].values() for operation in item.values()):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == CURSOR and parameter["in"] == "query":
                parameter["schema"] = {"type": "string", "minLength": 1}
    for schema in root["components"]["schemas"].values():
        cursor = schema.get("properties", {}).get(NEXT)
        if cursor is not None:
            opaque: Schema = {"type": "string"}
            nullable = {"type": "null"} in cursor.get("oneOf", ())
            schema["properties"][NEXT] = {"oneOf": [opaque, {"type": "null"}]} if nullable else opaque
