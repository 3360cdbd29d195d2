"""Optimistic concurrency: an editable resource carries its version, a change may name the one it saw.

A change that names none is done as it is (last writer wins); one that names an older version is refused with 412.
"""

from app.shared.errors import PreconditionFailed


def etag(version: int) -> str:
    """The strong validator of a version (RFC 9110 §8.8.3)."""
    return f'"{version}"'


def check_version(current: int, seen: int | None) -> None:
    """Raises PreconditionFailed when the resource has changed since it was seen."""
    if seen is not None and seen != current:
        raise PreconditionFailed(current=etag(current))
