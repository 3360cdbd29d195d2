"""Text of people is what they wrote, or refused with what is wrong about it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shared.errors import ValidationFailed
from app.shared.text import checked_name, checked_text, name_fault, text_fault, typed

any_text = st.text(st.characters(codec=None), max_size=120)
GOOD_NAMES = ["a", "Chloé's laptop", "日本 語", "می‌خواهم", "👩‍👩‍👧", "O'Neill & Söhne <GmbH>", "x" * 100]
ODD_NAMES = {
    " a": "begins or ends with a space",
    "a ": "begins or ends with a space",
    "a  b": "two spaces",
    "a\u00a0b": "U+00A0",
    "a\u3000b": "U+3000",
    "a\tb": "U+0009",
    "a\nb": "line break",
    "a\u2028b": "line break",
    "a\u200bb": "U+200B",
    "a\u202eb": "U+202E",
    "a\ufeff": "U+FEFF",
    "e\u0301": "not composed",
    "": "1 to 100 characters",
    "x" * 101: "1 to 100 characters",
}


@pytest.mark.parametrize("text", GOOD_NAMES)
def test_a_good_name_is_itself(text: str) -> None:
    assert checked_name(text) is text


@pytest.mark.parametrize("text", ODD_NAMES)
def test_an_odd_name_is_refused_and_says_why(text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        checked_name(text, "title")
    assert ODD_NAMES[text] in refused.value.fields["title"]


@given(any_text)
def test_two_names_that_are_accepted_look_different(text: str) -> None:
    """What a page shows of a name, its spaces collapsed, is the name; nothing in it is unseen."""
    if name_fault(text) is None:
        assert " ".join(text.split()) == text == unicodedata.normalize("NFC", text)
        assert all(sign.isprintable() or sign in "\u200c\u200d" for sign in text)


@given(any_text, st.booleans())
def test_words_keep_every_space_and_hold_nothing_unseen(text: str, lines: bool) -> None:
    if text_fault(text, 0, 100, lines=lines) is None:
        assert checked_text(text, min_length=0, max_length=100, lines=lines) is text
        unseen = [sign for sign in text if not (sign.isprintable() or unicodedata.category(sign) == "Zs")]
        assert set(unseen) <= set("\u200c\u200d\n\t" if lines else "\u200c\u200d")


def test_words_say_something_and_not_too_much() -> None:
    assert checked_text("  why \u00a0 not  ") == "  why \u00a0 not  "
    assert text_fault(" a \u3000 b ", 3, 500, "Say why") == "Say why"
    assert text_fault("x" * 501, 3, 500, "Say why") == "Say why"
    assert "line break" in (text_fault("one\r\ntwo", 3, 500) or "")
    assert text_fault("one\n\ttwo", 3, 500, lines=True) is None
    assert "another kind" in (text_fault("one\r\ntwo", 3, 500, lines=True) or "")


def test_a_text_area_says_what_was_typed() -> None:
    assert typed("one\r\ntwo\r\n") == "one\ntwo\n"
