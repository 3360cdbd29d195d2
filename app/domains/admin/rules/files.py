"""Exports as text: CSV that no spreadsheet takes for formulas, and JSON lines.

A cell that begins with one of FORMULA would be run by a spreadsheet (OWASP, "CSV Injection"): it gets an apostrophe in
front, which spreadsheets do not show. Line ends are CRLF (RFC 4180); the file begins with its column names.
"""

import csv
import io
from collections.abc import Iterable, Sequence

import msgspec

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(value: object) -> str:
    """The text of a cell; None is an empty one."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([safe_cell(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def json_lines(items: Iterable[object]) -> str:
    """One JSON object a line."""
    return "".join(msgspec.json.encode(item).decode() + "\n" for item in items)
