"""The API's description as people read it: chapters of operations with their fields. Pure; from `openapi.described`."""

from collections.abc import Iterator
from typing import Any

import msgspec

from app.web.openapi.document import tag_of
from app.web.show_code import ApiCall

Schema = dict[str, Any]
REF = "#/components/schemas/"
DEPTH = 4  # how far fields inside fields are listed
SAMPLES = {"uuid": "00000000-0000-0000-0000-000000000000", "date-time": "2026-12-01T09:00:00Z", "date": "2026-12-01"}


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field; a nested one is called by its way: `steps[].state`."""

    name: str
    kind: str
    required: bool = False
    note: str = ""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One request: what it takes and what it answers."""

    anchor: str
    method: str
    path: str
    title: str
    text: str
    permission: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    status: str
    answer: tuple[Field, ...]
    call: ApiCall


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """The operations of one kind of thing."""

    name: str
    operations: tuple[Operation, ...]

    @property
    def is_operators(self) -> bool:
        return self.name.startswith("admin-")


def chapters(schema: Schema) -> tuple[Chapter, ...]:
    """All of the API, customers' chapters first."""
    found: dict[str, list[Operation]] = {}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            found.setdefault(tag_of(path), []).append(_operation(schema, path, method, operation))
    made = [Chapter(name=name, operations=tuple(rows)) for name, rows in found.items()]
    return tuple(sorted(made, key=lambda chapter: (chapter.is_operators, chapter.name)))


def _operation(root: Schema, path: str, method: str, operation: Schema) -> Operation:
    status, answer = next((item for item in operation["responses"].items() if item[0] != "default"), ("", {}))
    body = _content(operation.get("requestBody", {}))
    sample = _sample(root, body) if body else None
    return Operation(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        title=_words(operation["summary"]),
        text=_words(operation.get("description", "")),
        permission=operation.get("x-permission", ""),
        parameters=tuple(_parameter(root, parameter) for parameter in operation.get("parameters", ())),
        body=tuple(_fields(root, body)),
        status=status,
        answer=tuple(msgspec.structs.replace(field, required=False) for field in _fields(root, _content(answer))),
        call=ApiCall(method=method.upper(), path=path, body=sample if isinstance(sample, dict) else None),
    )


def _content(part: Schema) -> Schema:
    """The schema of a body, whatever its media type; empty when there is none."""
    for content in part.get("content", {}).values():
        schema: Schema = content.get("schema", {})
        return schema
    return {}


def _parameter(root: Schema, parameter: Schema) -> Field:
    return Field(
        name=parameter["name"],
        kind=f"{_kind(root, parameter['schema'])} · {parameter['in']}",
        required=parameter["required"],
        note=_words(parameter.get("description", "")),
    )


def _fields(root: Schema, schema: Schema, way: str = "", depth: int = 0) -> Iterator[Field]:
    schema, _ = _resolve(root, schema)
    if schema.get("type") == "array":
        yield from _fields(root, schema.get("items", {}), way + "[]", depth)
        return
    for choice in schema.get("oneOf", ()):
        yield from _fields(root, choice, way, depth)
    required = set(schema.get("required", ()))
    for name, part in schema.get("properties", {}).items():
        inner, _ = _resolve(root, part)
        path = f"{way}.{name}" if way else name
        note = part.get("description") or ("" if "$ref" in part else inner.get("description", ""))
        yield Field(name=path, kind=_kind(root, part), required=name in required, note=_words(note))
        if depth < DEPTH and (inner.get("properties") or inner.get("type") == "array"):
            yield from _fields(root, inner, path, depth + 1)


def _words(text: str) -> str:
    return text.replace("`", "")


def _resolve(root: Schema, schema: Schema) -> tuple[Schema, bool]:
    """The schema behind references, and whether null is possible."""
    nullable = False
    for _ in range(8):
        if "$ref" in schema:
            schema = root["components"]["schemas"][schema["$ref"].removeprefix(REF)]
            continue
        choices = [choice for choice in schema.get("oneOf", ()) if choice != {"type": "null"}]
        if len(choices) != 1:
            break
        nullable, schema = True, choices[0]
    return schema, nullable


def _kind(root: Schema, schema: Schema) -> str:
    inner, nullable = _resolve(root, schema)
    names = inner.get("type", "object" if "properties" in inner else "any")
    kinds = names if isinstance(names, list) else [names]
    if inner.get("enum"):
        word = " | ".join(str(value) for value in inner["enum"])
    elif "array" in kinds:
        word = f"list of {_kind(root, inner.get('items', {}))}"
    else:
        word = inner.get("format") or " or ".join(kind for kind in kinds if kind != "null")
    return f"{word} or null" if nullable or "null" in kinds else word


def _sample(root: Schema, schema: Schema, depth: int = 0) -> object:
    """A body that shows the shape: required fields, and those that have a default."""
    schema, _ = _resolve(root, schema)
    if "default" in schema and schema["default"] is not None:
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    if "properties" in schema and depth < DEPTH:
        required = set(schema.get("required", ())) or set(list(schema["properties"])[:3])
        return {name: _sample(root, part, depth + 1) for name, part in schema["properties"].items() if name in required}
    kinds = schema.get("type")
    kind = next((name for name in kinds if name != "null"), "") if isinstance(kinds, list) else kinds
    if kind == "array":
        return [_sample(root, schema.get("items", {}), depth + 1)]
    empty = {"integer": schema.get("minimum", 1), "number": 1, "boolean": False, "object": {}}
    return empty.get(str(kind), SAMPLES.get(schema.get("format", ""), "…"))
