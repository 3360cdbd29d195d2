"""Text of people: kept exactly as it was written, or refused with what is wrong about it; never changed in silence.

Two kinds. A *name* is shown in lists and typed again, so it is refused where two that differ would look alike: spaces
at its ends, two in a row, unusual ones, letters that are not composed (Unicode normalization form C, UAX #15). *Words*
(a reason, a description) are one's own: every space stays. Neither holds what nobody can see: control characters and
those that reorder or hide others. The joiners that scripts and emoji are written with (ZWNJ, ZWJ) are text.
"""

import unicodedata

from app.shared.errors import ValidationFailed

JOINERS = frozenset("\u200c\u200d")
BREAKS = frozenset("\n\t")
MAX_NAME = 100
MAX_TEXT = 500


def given(text: str | None) -> str | None:
    """The text, or None for an empty one: a form knows no null, and some fields of the API say that empty means none.
    For text alone; a number that is 0 or a list that is empty was given."""
    return text if text else None


def typed(text: str) -> str:
    """What stood in a text area: a form sends each of its line breaks as CR LF (HTML Standard, constructing the entry
    list), whatever was typed."""
    return text.replace("\r\n", "\n")


def checked_name(text: str, field: str = "name", max_length: int = MAX_NAME, wanted: str = "") -> str:
    """The name as it is. Raises ValidationFailed for the field, also when it is empty or longer than
    `max_length`; `wanted` replaces the message."""
    return _checked(text, field, name_fault(text, max_length, wanted))


def checked_text(
    text: str,
    field: str = "reason",
    min_length: int = 3,
    max_length: int = MAX_TEXT,
    wanted: str = "",
    lines: bool = False,
) -> str:
    """The text as it is, on one line unless it may have `lines`. Raises ValidationFailed for the field, also when it
    has fewer than `min_length` characters without spaces or more than `max_length`; `wanted` replaces the message."""
    return _checked(text, field, text_fault(text, min_length, max_length, wanted, lines=lines))


def name_fault(text: str, max_length: int = MAX_NAME, wanted: str = "") -> str | None:
    """What is wrong about a name; None for a good one."""
    if not 1 <= len(text) <= max_length:
        return wanted or f"It has 1 to {max_length} characters"
    if fault := _unseen(text, frozenset()):
        return fault
    if odd := next((sign for sign in text if sign != " " and sign.isspace()), None):
        return f"It holds a space that is not the usual one ({_code(odd)})"
    if text[0] == " " or text[-1] == " ":
        return "It begins or ends with a space"
    if "  " in text:
        return "It holds two spaces in a row"
    if not unicodedata.is_normalized("NFC", text):
        return "It holds letters that are not composed (Unicode NFC)"
    return None


def text_fault(text: str, min_length: int, max_length: int, wanted: str = "", *, lines: bool = False) -> str | None:
    """What is wrong about words; None for good ones."""
    if len(text) > max_length or sum(not sign.isspace() for sign in text) < min_length:
        size = f"{min_length} to {max_length}" if min_length else f"at most {max_length}"
        return wanted or f"It has {size} characters"
    return _unseen(text, BREAKS if lines else frozenset())


def _unseen(text: str, breaks: frozenset[str]) -> str | None:
    for sign in text:
        if sign.isprintable() or sign in JOINERS or sign in breaks or unicodedata.category(sign) == "Zs":
            continue
        if sign in "\n\r\u2028\u2029":
            return "It has a line break" if not breaks else f"It has a line break of another kind ({_code(sign)})"
        return f"It holds a character that cannot be seen ({_code(sign)})"
    return None


def _code(sign: str) -> str:
    return f"U+{ord(sign):04X}"


def _checked(text: str, field: str, fault: str | None) -> str:
    if fault is not None:
        raise ValidationFailed(fields={field: fault})
    return text
