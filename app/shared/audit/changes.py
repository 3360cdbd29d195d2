"""What was there before a change, and what is there now, field by field: `changes` among the details of a row."""

from collections.abc import Mapping

CHANGES = "changes"
BEFORE, AFTER = "(earlier value)", "(new value)"


class ChangeForgotten(RuntimeError):
    """A use case whose action changes something ended well and did not say what: call `ctx.changed`, with nothing for
    "nothing changed"."""


def withheld(before: object = 0, after: object = 1) -> tuple[str, str]:
    """For what a row may not hold (a name that people gave, an address, a secret): only that it has changed. Without
    arguments it has."""
    return (BEFORE, AFTER) if before != after else (BEFORE, BEFORE)


def differing(fields: Mapping[str, tuple[object, object]]) -> dict[str, list[object]]:
    """`{field: [old, new]}` of those that are not the same."""
    return {name: [before, after] for name, (before, after) in fields.items() if before != after}


def changes_of(details: Mapping[str, object]) -> tuple[list[tuple[str, object, object]], dict[str, object]]:
    """The changes in the details of a row, as `(field, old, new)`, and its other details."""
    rest = dict(details)
    found = rest.pop(CHANGES, None) or {}
    pairs = found.items() if isinstance(found, dict) else ()
    return [(name, *pair) for name, pair in pairs], rest
