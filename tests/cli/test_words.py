"""Any words to any answers: an exit code of the list, one sentence, no stack. And the languages that we write."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cli.client import http, sshconfig
from app.cli.client import ssh as ssh_module
from app.cli.client.exits import Exit, Failure
from app.cli.client.main import load, main

CODES = {int(code) for code in Exit}


def paths(group: click.Group, *words: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found += paths(command, *words, name) if isinstance(command, click.Group) else [(*words, name)]
    return found


# A sign-in waits for a browser.
COMMANDS = [path for path in paths(load()) if path[0] != "login"]
OPTIONS = [
    "--json",
    "--all",
    "--yes",
    "--limit",
    "--url",
    "--name",
    "--reason",
    "--dry-run",
    "--from",
    "--since",
    "--by",
    "--follow",
    "--wait",
    "--",
]
FIELDS = (
    "items next_cursor id name state error code message price currency slug available "
    "occurred_at data folders text next end url certificate known_hosts host port path "
    "login host_key_alias access_token refused upload parts version amount allocation_id"
).split()
TEXTS = st.one_of(
    st.sampled_from(["", "0", "-1", "x", "a b", "berth:files/a", "berth:", "..", "/", "é日", "\udcff", "a" * 300]),
    st.sampled_from(["2h", "1e999", "2026-01-01"]),
    st.text(st.characters(exclude_characters="\0"), max_size=12),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8),
    max_leaves=12,
)
ANSWERS = st.tuples(
    st.sampled_from([0, 200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503, 599]),
    st.one_of(VALUES.map(lambda value: json.dumps(value).encode()), st.binary(max_size=20)),
)


class Enough(KeyboardInterrupt):
    """A person who does not wait any longer."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[int, bytes]]:
    """Answers are taken in turn, the last one for ever, until the person has enough."""
    queue: list[tuple[int, bytes]] = []
    asked = 0

    def handle(_request: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        if asked % 40 == 0:
            raise Enough
        status, content = queue.pop(0) if len(queue) > 1 else queue[0]
        if not status:
            raise httpx2.ConnectError("gone", request=_request)
        return httpx2.Response(status, content=content)

    real = httpx2.Client
    transport = httpx2.MockTransport(handle)
    monkeypatch.setattr(http.httpx2, "Client", lambda **given: real(transport=transport, **given))
    monkeypatch.setattr(http.connection.httpx2, "create_ssl_context", lambda: False)
    monkeypatch.setattr(http.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(ssh_module.os, "execv", lambda *_words: None)
    monkeypatch.setattr("webbrowser.open", lambda _address: False)
    monkeypatch.setenv("BERTH_URL", "http://berth.test")
    monkeypatch.setenv("BERTH_TOKEN", "token")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return queue


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(OPTIONS) | TEXTS, max_size=4),
    st.lists(ANSWERS, min_size=1, max_size=3),
)
def test_any_words_and_any_answers_end_in_words(world, capsys, command, words, answers) -> None:
    world[:] = answers
    capsys.readouterr()
    code = main([*command, *words])
    said = capsys.readouterr()
    assert code in CODES
    assert "Traceback" not in said.err
    assert "that berth does not expect" not in said.err
    assert bool(code) == bool(said.err.strip()) or not code


KNOWN = {
    "id": "a-1", "allocation_id": "a-1", "name": "x", "state": "deploying", "code": "i", "is_default": True,
    "rate_micro": 1, "currency": "USD", "next_cursor": "7", "text": "t", "next": 5, "end": 5, "type": "k", "data": {},
    "occurred_at": "2026-01-01T00:00:00+00:00",
    "steps": [{"step": "place", "attempt": 1, "state": "active", "detail": None}],
}  # fmt: skip
FOLLOWING = [
    ["events", "--follow"], ["events", "--follow", "--since", "2h"], ["apps", "logs", "x", "--follow"],
    ["launch", "s", "--wait"],
]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(FOLLOWING), st.sampled_from([[], ["--json"]]), st.integers(0, 5),
    st.dictionaries(st.sampled_from(sorted(KNOWN)), VALUES, max_size=2), st.lists(ANSWERS, max_size=2), st.booleans(),
)  # fmt: skip
def test_following_a_server_that_ends_is_over_when_the_person_has_enough(
    world, capsys, words, more, good, odd, others, back
) -> None:
    def whole(**changed: object) -> tuple[int, bytes]:
        return 200, json.dumps(KNOWN | changed | {"items": [KNOWN | changed]}).encode()

    world[:] = [whole()] * good + [*others, whole(**odd), (0, b"")] + [whole(state="active", next=9)] * back
    capsys.readouterr()
    code = main([*words, *more])
    said = capsys.readouterr()
    assert code in CODES
    assert "Traceback" not in said.err and "that berth does not expect" not in said.err
    assert not code or said.err.strip()


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=30))
def test_what_a_path_holds_reaches_openssh_as_it_is_or_is_refused(part: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config, place, ran = Path(folder, "config"), f"{folder}/{part}", Path(folder, "ran")
        # A program that ssh starts through the shell writes down what it was given.
        renew = [sys.executable, "-Sc", "import os,sys;open(sys.argv[1],chr(119)).write(sys.argv[2])", str(ran), place]
        if any(sign in part for sign in "\"'\\") or "${" in part or not part.isprintable():
            with pytest.raises(Failure, match="cannot take"):
                sshconfig.block("host-1", renew, {"IdentityFile": sshconfig.path(place)})
            return
        value = sshconfig.path(place)
        config.write_text(sshconfig.block("host-1", renew, {"IdentityFile": value, "UserKnownHostsFile": value}))
        said = subprocess.run(["ssh", "-G", "-F", str(config), "host-1"], capture_output=True, text=True, check=True)
        found = dict(line.split(" ", 1) for line in said.stdout.splitlines() if " " in line)
        assert found["identityfile"].replace("%%", "%") == place
        assert found["userknownhostsfile"] == place
        assert ran.read_text() == place


@pytest.mark.parametrize("part", ['a"b', "a\\b", "it's", 'a\\"b'])
def test_a_quoted_value_holds_quotes_and_backslashes(tmp_path: Path, part: str) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host x\n    UserKnownHostsFile {sshconfig.path(f'/k/{part}')}\n")
    said = subprocess.run(["ssh", "-G", "-F", str(config), "x"], capture_output=True, text=True, check=True)
    assert f"userknownhostsfile /k/{part}\n" in said.stdout


@pytest.mark.parametrize(
    "name", ["a b", "*", "!a", "a,b", "a\nProxyCommand x", "-oProxyCommand=x", "", "a'b", 'a"b', "é"]
)
def test_names_from_a_server_are_names_or_refused(name: str) -> None:
    with pytest.raises(Failure):
        sshconfig.name(name, "a host")
