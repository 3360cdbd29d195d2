"""Holds a decoded value against its type: all faults at once, each under its path as the caller wrote it. Pure.

msgspec stops at the first fault, so its description of the type (`msgspec.inspect`) is walked here. Types are exact: a
text is no number, `25.0` and `1e3` are no whole numbers, `1` is not true, an instant has its zone.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from uuid import UUID

import msgspec
from msgspec import inspect

from app.web.exact.decode import BODY, Members

Fault = tuple[str, str]
SAFE = 2**53 - 1  # RFC 8259 §6: beyond it two programs need not mean the same integer
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
SHOWN = 80  # characters of a name that is unknown
SCALARS: dict[type[inspect.Type], tuple[type, str]] = {
    inspect.UUIDType: (UUID, "must be a UUID such as 00000000-0000-0000-0000-000000000000"),
    inspect.DateType: (date, "must be a day such as 2026-12-01"),
    inspect.DateTimeType: (datetime, "must be an instant with its zone such as 2026-12-01T09:00:00Z"),
}


def faults(value: object, kind: inspect.Type, path: str = "") -> Iterator[Fault]:
    """Every way in which `value` is not of that kind."""
    kind = _bare(kind)
    if isinstance(kind, inspect.UnionType):
        yield from _union(value, kind, path)
    elif isinstance(kind, inspect.AnyType):
        return
    elif isinstance(kind, inspect.StructType):
        yield from _object(value, kind, path)
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.SetType):
        yield from _array(value, kind, path)
    else:
        text = _scalar(value, kind)
        if text:
            yield path or BODY, text


def unknown(name: str, known: Collection[str]) -> str:
    """What is said of a name that nothing here has: the nearest one, else all that there are."""
    near = get_close_matches(name.lower(), sorted(known), 1, 0.55)
    if near:
        return f"is unknown here; did you mean {near[0]}?"
    return f"is unknown here; known are {', '.join(sorted(known))}" if known else "is unknown here; nothing is taken"


def shown(name: str) -> str:
    """A name as it may stand in an answer, whatever it was made of."""
    return name[:SHOWN].encode("utf-8", "backslashreplace").decode()


def _bare(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _object(value: object, kind: inspect.StructType, path: str) -> Iterator[Fault]:
    if not isinstance(value, Members):
        yield path or BODY, "must not be null" if value is None else "must be an object of fields"
        return
    fields = {field.encode_name: field for field in kind.fields}
    known = fields if kind.tag_field is None else fields.keys() | {kind.tag_field}
    for name in value.repeated:
        yield _below(path, shown(name)), "is given more than once"
    for name, given in value.items():
        if name in fields:
            yield from faults(given, fields[name].type, _below(path, name))
        elif name not in known:
            yield _below(path, shown(name)), unknown(name, fields)
    for name, field in fields.items():
        if field.required and name not in value:
            yield _below(path, name), "is required"


def _array(
    value: object, kind: inspect.ListType | inspect.VarTupleType | inspect.SetType, path: str
) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield path or BODY, "must not be null" if value is None else "must be a list"
        return
    text = _length(len(value), kind.min_length, kind.max_length, "items")
    if text:
        yield path or BODY, text
        return
    for at, item in enumerate(value):
        yield from faults(item, kind.item_type, f"{path}[{at}]")


def _union(value: object, kind: inspect.UnionType, path: str) -> Iterator[Fault]:
    choices = [_bare(choice) for choice in kind.types]
    if value is None and any(isinstance(choice, inspect.NoneType) for choice in choices):
        return
    choices = [choice for choice in choices if not isinstance(choice, inspect.NoneType)]
    structs = [choice for choice in choices if isinstance(choice, inspect.StructType)]
    if isinstance(value, Members) and len(structs) > 1:
        choices = [choice for choice in structs if value.get(choice.tag_field or "") == choice.tag] or choices[:1]
    found = [list(faults(value, choice, path)) for choice in choices]
    if all(found):
        yield from found[0] if len(found) == 1 else [(path or BODY, " or ".join(text for ((_, text), *_) in found))]


def _scalar(value: object, kind: inspect.Type) -> str | None:
    """Why this is not such a value, in words; None when it is."""
    if value is None:
        return None if isinstance(kind, inspect.NoneType) else "must not be null"
    if isinstance(kind, inspect.BoolType):
        return None if isinstance(value, bool) else "must be true or false"
    if isinstance(kind, inspect.IntType):
        return _integer(value, kind)
    if isinstance(kind, inspect.StrType):
        return _text(value, kind)
    if isinstance(kind, inspect.LiteralType | inspect.EnumType):
        return _choice(value, kind.values if isinstance(kind, inspect.LiteralType) else [one.value for one in kind.cls])
    if type(kind) in SCALARS:
        return _converted(value, *SCALARS[type(kind)])
    raise NotImplementedError(f"no exact check of {kind}")


def _choice(value: object, choices: Sequence[object]) -> str | None:
    fits = any(type(value) is type(choice) and value == choice for choice in choices)
    return None if fits else f"must be one of {', '.join(map(str, choices))}"


def _integer(value: object, kind: inspect.IntType) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be a whole number"
    minimum = _first(kind.ge, None if kind.gt is None else kind.gt + 1, -SAFE)
    maximum = _first(kind.le, None if kind.lt is None else kind.lt - 1, SAFE)
    if value < minimum or value > maximum:
        return f"must be a whole number from {minimum} to {maximum}"
    fits = kind.multiple_of is None or value % kind.multiple_of == 0
    return None if fits else f"must be a multiple of {kind.multiple_of}"


def _first(*bounds: float | None) -> int:
    return int(next(bound for bound in bounds if bound is not None))


def _text(value: object, kind: inspect.StrType) -> str | None:
    if not isinstance(value, str):
        return "must be text"
    if UNSTORABLE.search(value):
        return "holds a character that no text has (NUL or half of a surrogate pair)"
    fits = kind.pattern is None or re.search(kind.pattern, value)
    return _length(len(value), kind.min_length, kind.max_length, "characters") or (
        None if fits else f"must match {kind.pattern}"
    )


def _length(count: int, minimum: int | None, maximum: int | None, what: str) -> str | None:
    if minimum is not None and count < minimum:
        return f"must have at least {minimum} {what}"
    return f"must have at most {maximum} {what}" if maximum is not None and count > maximum else None


def _converted(value: object, wanted: type, text: str) -> str | None:
    try:
        made: object = msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return text
    return text if isinstance(made, datetime) and made.tzinfo is None else None


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def gathered(found: Iterable[Fault], maximum: int = 50) -> dict[str, str]:
    """Faults by path, the first of each; at most so many, so that an answer stays short."""
    fields: dict[str, str] = {}
    for path, text in found:
        fields.setdefault(path, text)
        if len(fields) == maximum:
            break
    return fields
