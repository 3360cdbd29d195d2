"""Reading what others list: one odd record never spoils a set, and operators see how many were passed over.

A vendor adds fields, leaves them out, and now and then sends a null, a number as text, or half a record. Each record is
read for itself and its types tolerantly. A field that cannot be read counts as absent, unless something is decided on
it (`essential`): then the record is passed over, counted and shown.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from redis.asyncio import Redis

from app.shared.clock import process_now
from app.shared.telemetry.sanitize import sanitize_text

T = TypeVar("T")
# Whatever reading bytes of others may raise: no JSON, no UTF-8, nested deeper than anybody reads, of another shape.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
KEY = "berth:unread:"
KEPT_SECONDS = 900
SHOWN = 10
WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
FLAGS = {"true": True, "false": False}
NAMES = ("system_id", "id", "name", "hostname")  # what a record may be called by


class Unread(msgspec.Struct, frozen=True):
    """One record that was passed over: what it may be called ("" when not even that can be read), and why."""

    about: str
    problem: str


class Records(msgspec.Struct, Generic[T], frozen=True):
    """The records that were read, in order, and those that were not."""

    items: tuple[T, ...]
    unread: tuple[Unread, ...]


class UnreadSet(msgspec.Struct, frozen=True, kw_only=True):
    """What of one vendor's list could not be read when it was last asked for."""

    source: str
    count: int
    samples: tuple[Unread, ...]
    at: datetime


def read_record(raw: object, shape: type[T], essential: Collection[str] = ()) -> T:
    """One record as `shape`. Raises msgspec.ValidationError when it is no object, a field without a default is missing,
    or one of those or of the essential ones cannot be read."""
    if not isinstance(raw, dict):
        raise msgspec.ValidationError("Expected `object`")
    values = dict(raw)
    while True:
        try:
            return msgspec.convert(values, shape, strict=False)
        except msgspec.ValidationError as error:
            field = str(error).rpartition("$.")[2].rstrip("`").partition(".")[0].partition("[")[0]
            if field not in values or field in essential:
                raise
            del values[field]


def read_records(raws: Sequence[msgspec.Raw], shape: type[T], essential: Collection[str] = ()) -> Records[T]:
    """All records that can be read as `shape`."""
    items: list[T] = []
    unread: list[Unread] = []
    for raw in raws:
        record: object = None
        try:
            record = msgspec.json.decode(raw)
            items.append(read_record(record, shape, essential))
        except UNREADABLE as error:
            unread.append(Unread(_name(record), sanitize_text(str(error))[:200]))
    return Records(tuple(items), tuple(unread))


def _name(record: object) -> str:
    if not isinstance(record, dict):
        return ""
    named = (record.get(name) for name in NAMES)
    return next((str(value)[:100] for value in named if isinstance(value, str | int) and value != ""), "")


def whole(value: object) -> int | None:
    """A whole number as somebody else may write it: `2500`, `2500.0`, `"2500"`; None if it is none."""
    if isinstance(value, str) and WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62 else None


def flag(value: object) -> bool | None:
    """Yes or no as somebody else may write it."""
    return value if isinstance(value, bool) else FLAGS.get(value) if isinstance(value, str) else None


async def keep_unread(valkey: Redis, source: str, unread: Sequence[Unread], seconds: int = KEPT_SECONDS) -> None:
    """Show operators what of `source` was passed over, for so long; nothing, when all could be read."""
    if not unread:
        await valkey.delete(KEY + source)
        return
    seen = UnreadSet(source=source, count=len(unread), samples=tuple(unread[:SHOWN]), at=process_now())
    await valkey.set(KEY + source, msgspec.json.encode(seen), ex=seconds)


async def list_unread(valkey: Redis) -> tuple[UnreadSet, ...]:
    """What of all sources was passed over lately."""
    found = []
    async for key in valkey.scan_iter(match=KEY + "*", count=500):
        raw = await valkey.get(key)
        if raw is not None:
            found.append(msgspec.json.decode(raw, type=UnreadSet))
    return tuple(sorted(found, key=lambda seen: seen.source))
