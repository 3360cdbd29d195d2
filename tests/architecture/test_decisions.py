"""Decisions are found by their number and by the links between them."""

import re
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
LINK = re.compile(r"\]\((\d{4}-[a-z0-9-]+\.md)\)")


def test_each_decision_has_a_number_of_its_own_and_says_it() -> None:
    paths = sorted(FOLDER.glob("*.md"))
    numbers = Counter(path.name[:4] for path in paths)
    assert len(paths) > 30
    assert [number for number, count in numbers.items() if count > 1] == []
    assert [path.name for path in paths if not path.read_text("utf-8").startswith(f"# {path.name[:4]} ")] == []


def test_links_between_decisions_lead_somewhere() -> None:
    broken = [
        (path.name, target)
        for path in FOLDER.glob("*.md")
        for target in LINK.findall(path.read_text("utf-8"))
        if not (FOLDER / target).exists()
    ]
    assert broken == []
