"""Exports as text: CSV without formulas, and JSON lines."""

from collections.abc import Iterable

import msgspec

from app.shared.csv_text import FORMULA, csv_lines, safe_cell


def json_lines(items: Iterable[object]) -> str:
    """One JSON object per line."""
    return "".join(msgspec.json.encode(item).decode() + "\n" for item in items)


__all__ = ["FORMULA", "csv_lines", "json_lines", "safe_cell"]
