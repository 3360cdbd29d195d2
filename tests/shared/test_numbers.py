"""What is a whole number, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shared.numbers import LONGEST, whole_number


@given(st.integers(min_value=0, max_value=10**LONGEST - 1))
def test_a_number_is_read_as_it_was_written(number: int) -> None:
    assert whole_number(str(number)) == number


@given(st.text())
def test_any_text_is_a_number_or_none(text: str) -> None:
    number = whole_number(text)
    assert number is None or (text.isascii() and int(text) == number)


@pytest.mark.parametrize("text", ["", "²", "٣", "-1", "+1", " 1", "1_0", "1.0", "9" * (LONGEST + 1), "9" * 5_000])
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert whole_number(text) is None
