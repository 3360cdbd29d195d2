"""How hard a secret is to guess: bits, for who knows how people make up secrets.

Each character counts as much as its alphabet holds, but what repeats an earlier part or goes on in a row (abc, 321,
aaa) counts as one character. Random text keeps nearly all its bits, `0123456789abcdef` four times keeps a few.
"""

import math
import string

SHORTEST_REPEAT = 3
ALPHABETS = (
    string.digits,
    "0123456789abcdef",
    string.ascii_lowercase,
    string.ascii_uppercase,
    string.digits + string.ascii_lowercase,
    string.digits + string.ascii_uppercase,
    string.ascii_letters,
    string.digits + string.ascii_letters,
)
PRINTABLE = 95


def bits_of(text: str) -> float:
    """An upper bound of the bits that a guesser lacks."""
    return _surprises(text) * math.log2(_alphabet(text)) if text else 0.0


def _alphabet(text: str) -> int:
    used = set(text)
    return next((len(letters) for letters in ALPHABETS if used <= set(letters)), PRINTABLE)


def _surprises(text: str) -> int:
    """How many characters do not follow from those before them."""
    count = at = 0
    while at < len(text):
        count += 1
        at += max(1, _repeated(text, at), _row(text, at))
    return count


def _repeated(text: str, at: int) -> int:
    """The length of the longest part at `at` that stands earlier too, 0 below three characters."""
    length = SHORTEST_REPEAT
    if at + length > len(text) or text.find(text[at : at + length], 0, at + length - 1) < 0:
        return 0
    while at + length < len(text) and text.find(text[at : at + length + 1], 0, at + length) >= 0:
        length += 1
    return length


def _row(text: str, at: int) -> int:
    """The length of the row at `at`: each character as far from the one before as the next, at most one."""
    steps = [ord(second) - ord(first) for first, second in zip(text[at:], text[at + 1 :], strict=False)]
    if not steps or abs(steps[0]) > 1:
        return 0
    length = next((index for index, step in enumerate(steps) if step != steps[0]), len(steps)) + 1
    return length if length >= SHORTEST_REPEAT else 0
