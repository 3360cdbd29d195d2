"""Reading the lists of others: whatever one record holds, the others are read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shared.records import keep_unread, list_unread, read_record, read_records


class Disk(msgspec.Struct, frozen=True):
    size: int = 0


class Thing(msgspec.Struct, frozen=True):
    id: str
    status: int
    owner: str | None = None
    memory: float | None = None
    disks: tuple[Disk, ...] = ()


ESSENTIAL = ("id", "status", "owner")
GOOD = {"id": "a1", "status": 4, "owner": None}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def raws(*records: object) -> list[msgspec.Raw]:
    return msgspec.json.decode(msgspec.json.encode(records), type=list[msgspec.Raw])


@given(anything, anything, anything)
def test_one_odd_record_never_spoils_a_set(record: object, memory: object, extra: object) -> None:
    odd = {**GOOD, "memory": memory, "disks": extra, "new_field": extra}
    found = read_records(raws(GOOD, record, odd, GOOD), Thing, ESSENTIAL)
    assert len(found.items) + len(found.unread) == 4
    assert len(found.items) >= 3  # the odd one too: nothing is decided on what is odd in it


@pytest.mark.parametrize(
    "record",
    [
        {"id": "a1", "status": None, "owner": None},
        {"id": None, "status": 4, "owner": None},
        {"id": "a1", "status": 4, "owner": {"name": "eve"}},
        {"status": 4, "owner": None},
        [],
        None,
        "text",
    ],
)
def test_what_something_is_decided_on_is_read_or_the_record_is_passed_over(record: object) -> None:
    found = read_records(raws(record, GOOD), Thing, ESSENTIAL)
    assert [item.id for item in found.items] == ["a1"] and len(found.unread) == 1


def test_types_are_read_tolerantly_and_an_odd_field_counts_as_absent() -> None:
    read = read_record({**GOOD, "status": "4", "memory": "1024", "disks": [{"size": "x"}]}, Thing, ESSENTIAL)
    assert read == Thing("a1", 4, None, 1024.0, ())


async def test_operators_see_what_was_passed_over_until_it_is_read_again(valkey, runtime) -> None:
    found = read_records(raws({"id": "m1", "status": None, "owner": None}), Thing, ESSENTIAL)
    await keep_unread(runtime.valkey, "MAAS machines", found.unread)
    (seen,) = await list_unread(runtime.valkey)
    assert (seen.source, seen.count, seen.samples[0].about) == ("MAAS machines", 1, "m1")
    await keep_unread(runtime.valkey, "MAAS machines", ())
    assert await list_unread(runtime.valkey) == ()
