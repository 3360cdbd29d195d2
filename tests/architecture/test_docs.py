"""What the documents name is there: files, names inside files, links, settings; and the generated pages are fresh."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"^(?:\./)?[\w.*-]+(?:/[\w.*-]*)+(?::\w+)?$")
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
SETTING = re.compile(r"\bBERTH_[A-Z0-9_]+\b")
SCREENSHOTS = ROOT / "docs" / "screenshots"
STATE = ".berth"  # written by what runs here, so there or not


def named_paths(text: str) -> Iterator[str]:
    """Code spans that look like a path of this repository: their first part is something at its root."""
    for span in SPAN.findall(FENCE.sub("", text)):
        first = span.removeprefix("./").split("/")[0].split(":")[0]
        if PATH.match(span) and first != STATE and (ROOT / first).exists():
            yield span.removeprefix("./")


def is_there(span: str) -> bool:
    """Whether the path exists; `path:name` must also define the name."""
    path, _, name = span.partition(":")
    if "*" in path:
        return any(ROOT.glob(path))
    if not (ROOT / path).exists():
        return False
    definition = rf"(?m)^\s*(?:export )?(?:(?:async )?(?:def|function)|class|const) {name}\b|^\s*{name}\b[^=\n]*="
    return not name or re.search(definition, (ROOT / path).read_text("utf-8")) is not None


def links(text: str) -> Iterator[str]:
    for match in LINK.finditer(FENCE.sub("", text)):
        target = match[1] or match[2]
        if not target.startswith(("http://", "https://", "mailto:")):
            yield target


def anchors(page: Path) -> set[str]:
    """The names that a page's headings get."""
    headings = re.findall(r"(?m)^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def will_be_drawn(path: Path) -> bool:
    """Screenshots are written by the journeys in e2e/, which name them."""
    name = path.stem.removesuffix("-light").removesuffix("-dark")
    sources = (ROOT / "e2e").rglob("*.py")
    return path.parent == SCREENSHOTS and any(f'"{name}"' in source.read_text("utf-8") for source in sources)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    missing = [span for span in named_paths(page.read_text("utf-8")) if not is_there(span)]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in links(page.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not (path.exists() or will_be_drawn(path)) or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


def test_a_wrong_name_would_be_found() -> None:
    assert not is_there("app/nowhere.py")
    assert not is_there("app/shared/context.py:no_such_name")
    assert is_there("app/shared/context.py:Context")
    assert is_there("app/static/js/live.js:receive")
    assert list(named_paths("`app/nowhere.py`, `GET /healthz`, `docs/*.md`, `a/b`")) == ["app/nowhere.py", "docs/*.md"]


def test_the_generated_pages_are_fresh() -> None:
    # A process of its own: other tests declare errors, events and permissions of theirs.
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "docs", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_operations_explains_every_setting() -> None:
    places = [ROOT / "app" / "settings" / "table.py", ROOT / "berth", *(ROOT / "app" / "cli").glob("*.py")]
    places.append(ROOT / "devstack" / "quality.py")
    places += (ROOT / "app" / "shared" / "buildinfo").glob("*.py")
    read = {name for place in places for name in SETTING.findall(place.read_text("utf-8"))}
    pages = (ROOT / "docs" / "settings.md", ROOT / "docs" / "operations.md")
    explained = {name for page in pages for name in SETTING.findall(page.read_text("utf-8"))}
    assert read - explained == set()
    assert "BERTH_DATABASE_URL" in read


def test_every_error_code_belongs_to_one_refusal() -> None:
    codes = [
        (match[1], path)
        for path in (ROOT / "app").rglob("*.py")
        for match in re.finditer(r'(?m)^    code = "(\w+)"$', path.read_text("utf-8"))
    ]
    assert len(codes) > 30
    assert len({code for code, _ in codes}) == len(codes)


def test_the_tour_is_a_walk_through_25_files() -> None:
    named = {span.split(":")[0] for span in named_paths((ROOT / "docs" / "tour.md").read_text("utf-8"))}
    walked = {path for path in named if path.startswith(("app/", "workers/")) and (ROOT / path).is_file()}
    assert 15 < len(walked) <= 25
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 100
