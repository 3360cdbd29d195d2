"""The language of CSV files (RFC 4180): the one door through which rows become text.

A cell that begins with one of FORMULA would be run by a spreadsheet (OWASP, "CSV Injection"): it gets an apostrophe in
front, which spreadsheets do not show. Figures that we write ourselves stay figures.
"""

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MICRO_DIGITS = 6


class Figure(str):
    """A number in plain digits, which may begin with a minus."""

    __slots__ = ()


def decimal(micro: int) -> Figure:
    """Micro-units as a plain decimal figure, exact: `-12.345600`."""
    whole, rest = divmod(abs(micro), 10**MICRO_DIGITS)
    return Figure(f"{'-' if micro < 0 else ''}{whole}.{rest:0{MICRO_DIGITS}d}")


def safe_cell(value: object) -> str:
    """The text of a cell; None is an empty one."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) and not isinstance(value, Figure) else text


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as they stand in the file; lines end with CRLF."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([safe_cell(cell) for cell in row] for row in rows)
    return buffer.getvalue()
