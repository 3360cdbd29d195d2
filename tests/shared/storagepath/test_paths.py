"""What is a path and what is not: properties over all text, a list of tricks of ours, and the public collections."""

import os
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shared.storagepath import (
    MAX_BYTES,
    MAX_SEGMENT_BYTES,
    BadPath,
    FolderPath,
    StoragePath,
    ancestors,
    is_inside,
    parse,
    split,
)

SAMPLES = Path(__file__).parent / "tricks.txt"
ROOT = Path(__file__).resolve().parents[3]
CORPORA = Path(os.environ.get("BERTH_CORPORA", ROOT.parent / "shared" / "corpora"))  # public collections, if there
GOOD = [
    "a",
    "a/b/c.txt",
    "Äpfel/über größe.txt",
    "日本語/ファイル.bin",
    "مرحبا.txt",
    "100%.txt",
    "50%25 off",
    ".hidden/.env",
    "..a/b..c",
    "a...b",
    "C:file",
    "-rf",
    "~",
    "a b  c",
    "👩‍👩‍👧.png",
    "می‌خواهم",
    "wait….txt",
    "½.txt",
]

segments = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs"]), min_size=1, max_size=12)
likely = st.lists(segments, min_size=1, max_size=5).map("/".join)
any_text = st.text(st.characters(codec=None), max_size=60)
awkward = st.text(alphabet="./\\% 25eEfFcC0a\x00\u202e\u2024\uff0e\uff0f\u0301", max_size=30)


def accepted(raw: str) -> StoragePath | None:
    try:
        return parse(raw)
    except BadPath:
        return None


def assert_harmless(path: str) -> None:
    """What every accepted path is, checked in other words than the parser's own."""
    assert 0 < len(path.encode()) <= MAX_BYTES
    assert unicodedata.is_normalized("NFC", path)
    assert "\\" not in path and "\x00" not in path
    for text in (path, unquote(path), unquote(unquote(path))):
        parts = text.split("/")
        assert ".." not in parts and "." not in parts and "" not in parts
        depth = 0
        for part in unicodedata.normalize("NFKC", text).split("/"):
            depth += -1 if part == ".." else 1
            assert depth > 0
    assert not any(
        unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI") for c in path
    )
    assert all(len(part.encode()) <= MAX_SEGMENT_BYTES for part in path.split("/"))
    root = Path("/srv/project")
    assert (root / path).resolve().is_relative_to(root)


@pytest.mark.parametrize("raw", GOOD)
def test_names_that_people_use_are_taken_as_they_are(raw: str) -> None:
    assert parse(raw) == raw


@given(st.one_of(likely, any_text, awkward))
def test_whatever_is_accepted_is_harmless_and_stays_itself(raw: str) -> None:
    path = accepted(raw)
    if path is not None:
        assert path == raw
        assert_harmless(path)
        folder, name = split(path)
        assert "/".join(filter(None, (folder, name))) == path


@given(likely)
def test_a_name_has_one_spelling_and_the_other_is_refused(raw: str) -> None:
    composed, decomposed = unicodedata.normalize("NFC", raw), unicodedata.normalize("NFD", raw)
    assert accepted(decomposed) == (accepted(composed) if composed == decomposed else None)


@given(likely, likely)
def test_what_is_below_a_folder_is_inside_it(folder: str, below: str) -> None:
    if accepted(f"{folder}/{below}") is not None:
        assert is_inside(f"{folder}/{below}", FolderPath(folder))


def test_folders_on_the_way() -> None:
    assert ancestors(FolderPath("a/b/c")) == ["a", "a/b", "a/b/c"]
    assert ancestors(FolderPath("")) == []
    assert not is_inside("ab", FolderPath("a"))
    assert split(parse("a")) == ("", "a")


def test_lengths_are_counted_in_bytes() -> None:
    assert parse("ä" * 127)
    with pytest.raises(BadPath, match="255"):
        parse("ä" * 128)
    with pytest.raises(BadPath, match="1024"):
        parse("/".join(["a" * 200] * 6))


@pytest.mark.parametrize("raw", SAMPLES.read_text("utf-8").splitlines())
def test_tricks_are_refused(raw: str) -> None:
    with pytest.raises(BadPath):
        parse(raw.encode().decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))


def test_half_a_character_is_refused() -> None:
    for raw in ("a\ud800b", "\udfff", "a/\udc80"):
        with pytest.raises(BadPath):
            parse(raw)


def test_every_line_of_the_collections_is_refused_or_harmless() -> None:
    if not CORPORA.exists():
        pytest.skip("the public collections are not on this computer; the excerpt above is")
    seen = taken = 0
    for file in [CORPORA / "blns.txt", *sorted((CORPORA / "payloads").glob("*.txt"))]:
        for line in file.read_bytes().split(b"\n"):
            raw = line.decode("utf-8", "surrogateescape")
            seen += 1
            path = accepted(raw)
            if path is not None:
                taken += 1
                assert_harmless(path)
    assert seen > 5_000 and 0 < taken < seen
