"""One door for CSV: what a spreadsheet would run is text, figures of our own stay figures."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.shared.csv_text import FORMULA, Figure, csv_lines, decimal

TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=30)
CELLS = st.one_of(TEXTS, st.builds("{}{}".format, st.sampled_from(FORMULA), TEXTS), st.integers().map(decimal))


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=5))
def test_a_csv_reader_finds_every_cell_and_no_formula(rows: list[list[str]]) -> None:
    back = [row for row in csv.reader(io.StringIO(csv_lines(rows), newline="")) if row]
    for row, found in zip(rows, back, strict=True):
        for cell, text in zip(row, found, strict=True):
            if isinstance(cell, Figure):
                assert text == cell
                assert re.fullmatch(r"-?\d+\.\d{6}", text)
            else:
                assert text in (cell, f"'{cell}")
                assert not text.startswith(FORMULA)


def test_csv_is_written_in_one_place() -> None:
    app = Path(__file__).parents[2] / "app"
    writers = [path.name for path in app.rglob("*.py") if "csv.writer" in path.read_text("utf-8")]
    assert writers == ["csv_text.py"]
