"""Numbers as people and programs write them. Pure."""

DIGITS = frozenset("0123456789")
LONGEST = 18  # digits; what every integer column and program holds


def whole_number(text: str) -> int | None:
    """The number that ASCII digits write, or None. `str.isdigit` is true for `²` as well, which `int` refuses."""
    return int(text) if text and len(text) <= LONGEST and DIGITS.issuperset(text) else None
