"""The pure rules of the console: files that are safe to open, actions in words."""

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.admin.rules.files import FORMULA, csv_lines, json_lines, safe_cell
from app.domains.admin.rules.labels import ACTION_LABELS, action_label
from app.domains.admin.rules.reasons import stated
from app.shared.audit import AuditAction
from app.shared.errors import ValidationFailed

CELLS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6))
def test_no_cell_of_an_export_is_a_formula_and_none_is_lost(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_lines(rows), newline="")))
    assert [len(row) for row in read if row] == [len(row) for row in rows]
    for row, back in zip(rows, [row for row in read if row], strict=True):
        for cell, kept in zip(row, back, strict=True):
            assert not kept.startswith(FORMULA)
            assert kept in (cell, f"'{cell}")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_what_a_spreadsheet_would_run_is_text(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


@given(st.lists(st.dictionaries(st.text(max_size=5), CELLS, max_size=3), max_size=5))
def test_json_lines_hold_one_object_a_line(items: list[dict[str, str]]) -> None:
    lines = json_lines(items).split("\n")[:-1]
    assert [msgspec.json.decode(line) for line in lines] == items


def test_every_action_has_a_sentence_and_nothing_else_has_one() -> None:
    assert ACTION_LABELS.keys() == set(AuditAction)
    assert all(words[0].islower() and not words.endswith(".") for words in ACTION_LABELS.values())
    assert action_label("app_template.publish") == "app template publish"


@pytest.mark.parametrize("text", ["", "  ", "no", "x" * 501, "a\x00reason"])
def test_a_reason_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed):
        stated(text)
