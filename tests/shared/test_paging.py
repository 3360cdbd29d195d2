"""Cursors: whatever `pack` made comes back as it was, and nothing else is taken for one."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shared.errors import ValidationFailed
from app.shared.paging import InstantAndId, pack, unpack

INSTANTS = st.datetimes(timezones=st.just(UTC))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.uuids())
def test_a_text_and_an_id_come_back(text: str, id_: UUID) -> None:
    assert unpack(pack(text, id_), tuple[str, UUID]) == (text, id_)


@given(INSTANTS, st.uuids())
def test_an_instant_comes_back_with_its_zone(at: datetime, id_: UUID) -> None:
    assert unpack(pack(at, id_), InstantAndId) == (at, id_)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "no cursor",
        pack(),
        pack("a"),
        pack("a", "b"),
        pack(1, 2),
        pack("2026-01-01T00:00:00", UUID(int=1)),
        "e30",
    ],
)
def test_anything_else_is_refused_as_a_cursor(cursor: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        unpack(cursor, InstantAndId)
    assert refused.value.fields == {"cursor": "is not a cursor of this list"}


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(ValidationFailed):
        unpack(text, InstantAndId)
