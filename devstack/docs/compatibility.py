"""What a program loses when one description of the API takes the place of another. Pure.

Within v1 the API only gains: a path, a method or a field of an answer that goes away, a field that changes its type, or
a new required parameter or body field is a loss. A schema is followed through its references.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
REF = "#/components/schemas/"


def losses(old: Schema, new: Schema) -> list[str]:
    """One line for each; empty when every program goes on working."""
    return list(_paths(old, new))


def _paths(old: Schema, new: Schema) -> Iterator[str]:
    for path, item in old["paths"].items():
        for method, before in item.items():
            place = f"{method.upper()} {path}"
            after = new["paths"].get(path, {}).get(method)
            if after is None:
                yield f"{place} is gone"
                continue
            yield from _parameters(place, before, after)
            yield from _bodies(place, (old, before), (new, after))


def _parameters(place: str, before: Schema, after: Schema) -> Iterator[str]:
    known = {(parameter["in"], parameter["name"]): parameter for parameter in before.get("parameters", ())}
    still = {(parameter["in"], parameter["name"]): parameter for parameter in after.get("parameters", ())}
    for where, name in known.keys() - still.keys():
        yield f"{place}: parameter {name} ({where}) is gone"
    for key, parameter in still.items():
        if parameter.get("required") and not known.get(key, {}).get("required"):
            yield f"{place}: parameter {key[1]} ({key[0]}) is required now"


def _bodies(place: str, before: tuple[Schema, Schema], after: tuple[Schema, Schema]) -> Iterator[str]:
    for (old, old_schema), (new, new_schema) in zip(_requests(*before), _requests(*after), strict=False):
        required = set(_resolve(new, new_schema).get("required", ()))
        for name in sorted(required - set(_resolve(old, old_schema).get("required", ()))):
            yield f"{place}: body field {name} is required now"
    answers = dict(_answers(*after))
    for status, schema in _answers(*before):
        if status not in answers:
            yield f"{place}: answer {status} is gone"
        else:
            yield from _lost(f"{place} {status}", (before[0], schema), (after[0], answers[status]), frozenset())


def _requests(root: Schema, operation: Schema) -> Iterator[tuple[Schema, Schema]]:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield root, content.get("schema", {})


def _answers(root: Schema, operation: Schema) -> Iterator[tuple[str, Schema]]:
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if schema is not None and status != "default":
            yield status, schema


def _lost(
    place: str, before: tuple[Schema, Schema], after: tuple[Schema, Schema], seen: frozenset[str]
) -> Iterator[str]:
    reference = before[1].get("$ref", "")
    if reference in seen:
        return
    seen = seen | {reference} if reference else seen
    old, new = _resolve(*before), _resolve(*after)
    if _kinds(old) - _kinds(new):
        yield f"{place}: was {_words(old)}, is {_words(new)}"
        return
    for name, schema in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            yield f"{place}: field {name} is gone"
        else:
            yield from _lost(f"{place}.{name}", (before[0], schema), (after[0], new["properties"][name]), seen)
    if "items" in old and "items" in new:
        yield from _lost(place + "[]", (before[0], old["items"]), (after[0], new["items"]), seen)


def _resolve(root: Schema, schema: Schema) -> Schema:
    """The schema behind a reference; of a choice with null the other one."""
    while "$ref" in schema:
        schema = root["components"]["schemas"][schema["$ref"].removeprefix(REF)]
    choices = [choice for choice in schema.get("oneOf", ()) if choice != {"type": "null"}]
    return _resolve(root, choices[0]) if len(choices) == 1 else schema


def _kinds(schema: Schema) -> set[str]:
    kind = schema.get("type")
    return set(kind) if isinstance(kind, list) else {kind} if kind else set()


def _words(schema: Schema) -> str:
    return " or ".join(sorted(_kinds(schema))) or "anything"
