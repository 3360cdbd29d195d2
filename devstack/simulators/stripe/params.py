"""Reading Stripe's form encoding and checking it against the official SDK's parameter types.

`line_items[0][price_data][unit_amount]=5000` becomes nested dicts; then names, whole numbers, booleans, enumerations
and lists are checked as the real API checks them. It owns shape only: limits and meaning belong to the account.
"""

import re
import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal, NotRequired, Required, Union, cast, get_args, get_origin

from stripe._request_options import RequestOptions
from typing_extensions import get_type_hints, is_typeddict

from devstack.simulators.stripe.errors import StripeError

Params = dict[str, object]

_KEY = re.compile(r"\[([^\[\]]*)\]")


def parse(pairs: list[tuple[str, str]]) -> Params:
    """Nested dicts from form pairs. Raises StripeError on a key that is both a value and a group."""
    root: Params = {}
    for name, value in pairs:
        head, _, rest = name.partition("[")
        path = [head, *_KEY.findall("[" + rest)] if rest else [head]
        node = root
        for key in path[:-1]:
            child = node.setdefault(key, {})
            if not isinstance(child, dict):
                raise StripeError(f"Invalid {head}", param=name)
            node = child
        last = path[-1] or str(len(node))
        if isinstance(node.get(last), dict):
            raise StripeError(f"Invalid {head}", param=name)
        node[last] = value
    return root


def check(shape: type, params: Params) -> Params:
    """`params` with typed values, or StripeError as the API would answer. `shape` is a TypedDict of the SDK."""
    return cast("Params", _typed(shape, params, ""))


@cache
def _fields(shape: type) -> dict[str, object]:
    hints = get_type_hints(shape, localns={"StripeContext": object, "Mapping": Mapping})
    if RequestOptions in getattr(shape, "__orig_bases__", ()):
        return {name: hint for name, hint in hints.items() if name not in RequestOptions.__annotations__}
    return hints


def _typed(hint: object, value: object, path: str) -> object:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (NotRequired, Required, Annotated):
        return _typed(arguments[0], value, path)
    if origin in (Union, types.UnionType):
        return _first_that_fits(arguments, value, path)
    if origin is Literal:
        if value in arguments:
            return value
        raise StripeError(f"Invalid {path}: must be one of {', '.join(map(str, arguments))}", param=path)
    if is_typeddict(cast("type", hint)):
        return _group(cast("type", hint), value, path)
    if origin is list:
        return [_typed(arguments[0], item, f"{path}[{index}]") for index, item in enumerate(_items(value, path))]
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise StripeError(f"Invalid {path}: must be a hash", code="parameter_invalid", param=path)
        return {key: _typed(arguments[1], item, f"{path}[{key}]") for key, item in value.items()}
    return _scalar(hint, value, path)


def _first_that_fits(candidates: tuple[object, ...], value: object, path: str) -> object:
    first: StripeError | None = None
    # The SDK types enumerations as "these names, or any string"; the service accepts only the names.
    if any(get_origin(candidate) is Literal and any(get_args(candidate)) for candidate in candidates):
        candidates = tuple(candidate for candidate in candidates if candidate is not str)
    # Literals before plain strings, so that an enumeration is not swallowed by a looser alternative.
    for candidate in sorted(candidates, key=lambda item: item is str):
        if candidate is type(None):
            continue
        try:
            return _typed(candidate, value, path)
        except StripeError as error:
            # Prefer the complaint from inside a group over "is not this enumeration".
            first = error if first is None or is_typeddict(cast("type", candidate)) else first
    raise first or StripeError(f"Invalid {path}", param=path)


def _group(shape: type, value: object, path: str) -> Params:
    if not isinstance(value, dict):
        raise StripeError(f"Invalid {path}: must be a hash", param=path)
    fields = _fields(shape)
    typed: Params = {}
    for key, item in value.items():
        name = f"{path}[{key}]" if path else key
        if key not in fields:
            raise StripeError(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        typed[key] = _typed(fields[key], item, name)
    return typed


def _items(value: object, path: str) -> list[object]:
    if not isinstance(value, dict) or not all(key.isdecimal() for key in value):
        raise StripeError(f"Invalid array in {path}", param=path)
    return [value[key] for key in sorted(value, key=int)]


def _scalar(hint: object, value: object, path: str) -> object:
    if not isinstance(value, str):
        raise StripeError(f"Invalid string: {path} must be a single value", param=path)
    if hint is int:
        if not re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
            raise StripeError(f"Invalid integer: {value[:60]}", code="parameter_invalid_integer", param=path)
        return int(value)
    if hint is bool:
        if value not in {"true", "false"}:
            raise StripeError(f"Invalid boolean: {value[:60]}", param=path)
        return value == "true"
    return value
