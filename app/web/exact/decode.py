"""JSON as RFC 8259 has it, and nothing else: UTF-8, no constants of other languages, no name twice in one object."""

import json
import math
from collections import Counter

BODY = "body"  # the path of the whole body in `details.fields`
LONGEST_NUMBER = 40  # digits; every number that means something here is shorter


class Members(dict[str, object]):
    """An object as it was written: `repeated` are the names that came more than once."""

    repeated: tuple[str, ...] = ()


class NotJson(ValueError):
    """Says in words why the bytes are no JSON document; "the body" stands before them."""


def decode(body: bytes) -> object:
    """The value of a JSON document. Raises NotJson."""
    try:
        return json.loads(
            body.decode(), object_pairs_hook=_members, parse_int=_integer, parse_float=_number, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise NotJson(f"is not UTF-8: see byte {error.start}") from error
    except RecursionError as error:
        raise NotJson("is nested too deeply") from error
    except json.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
        raise NotJson(f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]}, {position}") from error
    except ValueError as error:
        raise NotJson(str(error)) from error


def _members(pairs: list[tuple[str, object]]) -> Members:
    members = Members(pairs)
    if len(members) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        members.repeated = tuple(name for name, count in counts.items() if count > 1)
    return members


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError("holds a number that is too long")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("holds a number that is too large")
    return number


def _constant(text: str) -> float:
    raise ValueError(f"is not JSON: {text} is no JSON number")
