"""Cursor paging, the same in pages and in the API: `?cursor=` and `?limit=`, newest or smallest first.

A position is the sort key of the last row that was shown, never a row that must still be there. A repository reads
`limit + 1` rows behind it; `cut` keeps `limit` of them and says where the next page begins. A list by another key than
an id packs that key with `pack`. How a position travels in a request is the web's affair.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from app.shared.errors import ValidationFailed

T = TypeVar("T")
C = TypeVar("C")
LARGEST = 200


class InstantAndId(NamedTuple):
    """The position in a list by time."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    id: UUID


class Slice(msgspec.Struct, Generic[T, C], frozen=True, kw_only=True):
    """Some rows of a list; `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: C | None


def cut(rows: Sequence[T], limit: int, cursor_of: Callable[[T], C]) -> Slice[T, C]:
    """`rows` holds up to `limit + 1` rows: the one too many only says that there is another page."""
    kept = tuple(rows[:limit])
    return Slice(items=kept, next_cursor=cursor_of(kept[-1]) if len(rows) > limit else None)


def cut_list(rows: Sequence[T], cursor: UUID | None, limit: int, id_of: Callable[[T], UUID]) -> Slice[T, UUID]:
    """One page of a list that is short enough to be read whole, in the order of ids; it goes on behind the cursor, also
    when no row has that id any more."""
    behind = [row for row in sorted(rows, key=id_of) if cursor is None or id_of(row) > cursor]
    return cut(behind[: limit + 1], limit, id_of)


def pack(*parts: object) -> str:
    """Several values (texts, ids, instants) as one opaque cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()


def unpack(cursor: str, shape: type[T]) -> T:
    """What `pack` was given, as a tuple of the types in `shape`. Raises ValidationFailed for anything else."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=shape)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise ValidationFailed(fields={"cursor": "is not a cursor of this list"}) from error
