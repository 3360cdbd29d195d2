"""Tests of one group share a worker, and no mark pretends to do that: pytest takes no notice of `xdist_group`."""

from tests.architecture.source import ROOT, sources
from tests.fixtures.scheduling import GROUPS, ByGroup


def test_a_group_is_one_piece_of_work_and_every_other_test_is_its_own() -> None:
    scheduler = object.__new__(ByGroup)
    scheduler._group_of = GROUPS.get
    grouped = {scheduler._split_scope(f"{file}::test_{number}") for number, file in enumerate(GROUPS)}
    assert grouped == set(GROUPS.values())
    assert scheduler._split_scope("tests/web/test_a.py::test_b[c]") == "tests/web/test_a.py::test_b[c]"


def test_every_group_is_of_files_that_are_there() -> None:
    assert [file for file in GROUPS if not (ROOT / file).exists()] == []


def test_no_mark_names_a_group() -> None:
    mark = "xdist" + "_group("
    assert [str(source.path) for source in sources(("tests/**/*.py", "e2e/**/*.py")) if mark in source.text] == []
