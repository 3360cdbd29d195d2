"""What we ship of others is what we think it is: hashes, licences, no stray file; and all of it small enough for a slow
network."""

import gzip
import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

STATIC = ROOT / "app" / "static"
VENDOR = STATIC / "vendor"
FIRST_LOAD_LIMIT = 60_000  # bytes of JS + CSS, compressed, without the terminal (quality.md E4)


def entries() -> list[dict[str, str]]:
    return json.loads((VENDOR / "VENDORED.json").read_text("utf-8"))  # type: ignore[no-any-return]


def test_every_vendored_file_has_the_hash_that_was_written_down() -> None:
    for entry in entries():
        assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["file"]


def test_every_vendored_file_is_listed_and_its_folder_holds_a_licence() -> None:
    listed = {entry["file"] for entry in entries()}
    present = {str(path.relative_to(VENDOR)) for path in VENDOR.glob("*/*") if path.name != "LICENSE"}
    assert present == listed
    for entry in entries():
        folder = VENDOR / Path(entry["file"]).parent
        assert (folder / "LICENSE").stat().st_size > 200
        assert folder.name.endswith(entry["version"])
        assert entry["licence"] in {"MIT", "0BSD", "OFL-1.1"}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no history here")
def test_nothing_that_is_built_is_kept_in_the_history() -> None:
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""


def test_a_first_visit_loads_little() -> None:
    files = ("dist/berth.css", "dist/berth.js", "vendor/htmx-4.0.1/htmx.min.js")
    assert sum(len(gzip.compress((STATIC / name).read_bytes())) for name in files) <= FIRST_LOAD_LIMIT
