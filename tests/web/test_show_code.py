"""Snippets hold any value that a person may have given: read back by the programs whose language they are in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domains.storage.rules.machine import curl_command
from app.web.show_code import ApiCall, as_cli, as_curl, as_python

BASE = "https://berth.example"
ODD = "'\"\\$`!\n\r\t #&;|<>(){}[]*?~%@=-é\U0001f680\u202e\x7f"
TEXTS = st.text(
    st.one_of(st.sampled_from(ODD), st.characters(blacklist_categories=("Cs",), min_codepoint=1)), max_size=30
)
BODIES = st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.none(), st.booleans(), st.lists(TEXTS)), max_size=4)
PATHS = st.builds("/api/v1/things?q={}".format, TEXTS)
FEW = settings(max_examples=60)
NOTE = """
curl() { printf '%s\\0' "$@"; }
berth() { printf '%s\\0' "$@"; }
uuidgen() { echo key; }
BERTH_TOKEN=token
"""


def words_of(snippet: str) -> list[str]:
    """What bash makes of a command, after the program's name."""
    done = subprocess.run(["bash", "-c", NOTE + snippet], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


@FEW
@given(PATHS, BODIES)
@example("/api/v1/x[1-9]{a,b}", {"a": ODD})
def test_curl_is_told_the_very_request(path: str, body: dict[str, object]) -> None:
    words = words_of(as_curl(ApiCall(method="POST", path=path, body=body), BASE))
    globbed = words[0] != "--globoff"
    words = words if globbed else words[1:]
    assert words[:3] == ["-X", "POST", BASE + path]
    assert not (globbed and set("[]{}") & set(path))  # curl reads these as patterns
    assert words[3:8] == ["-H", "Authorization: Bearer token", "-H", "X-Idempotency-Key: key", "-H"]
    assert json.loads(words[words.index("-d") + 1]) == body


@given(PATHS, BODIES)
@example('/x?q="+__import__("os").name+"', {"a": ODD})
def test_python_is_told_the_very_request(path: str, body: dict[str, object]) -> None:
    said: list[object] = []
    requests = types.ModuleType("requests")
    answer = types.SimpleNamespace(raise_for_status=lambda: None, json=lambda: "")
    requests.put = lambda url, headers, json: said.extend([url, json]) or answer  # type: ignore[attr-defined]
    source = as_python(ApiCall(method="PUT", path=path, body=body), BASE)
    with mock.patch.dict(sys.modules, requests=requests), mock.patch.dict(os.environ, BERTH_TOKEN="token"):
        exec(compile(source, "snippet", "exec"), {"print": lambda _: None})  # noqa: S102
    assert said == [BASE + path, body]


@FEW
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_the_command_line_is_told_the_very_words(words: list[str]) -> None:
    assert words_of(as_cli(ApiCall(method="GET", path="/", cli=tuple(words)))) == words


@FEW
@given(TEXTS.filter(bool), st.builds("https://s3.example/a?X={}".format, TEXTS))
@example("-", "https://s3.example/{a,b}[1-9]")
@example("--config", "https://s3.example/x")
def test_a_file_is_downloaded_under_its_own_name(name: str, url: str) -> None:
    words = words_of(curl_command(url, name))
    assert words[-1] == url
    assert "--globoff" in words
    target = words[words.index("--output") + 1]
    assert target.removeprefix("./") == name.removeprefix("./")
    assert not target.startswith("-")
