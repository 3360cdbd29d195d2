"""What a name means, and what words after -- mean: the thing that runs, and the remote side's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from app.cli.__main__ import main as entrance
from app.cli.client import http
from app.cli.client import ssh as ssh_module
from app.cli.client.exits import Exit
from app.cli.client.main import main

RUNS, ENDED, OTHER = ("11111111-aaaa", "22222222-bbbb", "33333333-cccc")
CERTIFICATE = {
    "certificate": "ssh-ed25519-cert-v01@openssh.com AAAA", "known_hosts": "@cert-authority * ssh-ed25519 AAAA",
    "host": "host.test", "port": 2222, "login": "u-ada", "host_key_alias": "node-1.machines",
}  # fmt: skip


def thing(identifier: str, state: str, name: str = "train") -> dict[str, object]:
    return {"id": identifier, "name": name, "state": state, "title": "App", "machine_name": "m", "url": None,
            "app_version": "1", "failure_text": None, "running_at": None}  # fmt: skip


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, object]]:
    """The machines and apps of a project, as the API lists them; `live` leaves out what has ended."""
    rows: list[dict[str, object]] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path.endswith("/ssh-certificates"):
            return httpx2.Response(200, json=CERTIFICATE)
        if path in ("/api/v1/apps", "/api/v1/allocations"):
            live = request.url.params.get("live") == "true"
            chosen = [row for row in rows if not live or row["state"] not in ("released", "failed", "canceled")]
            return httpx2.Response(200, json={"items": chosen, "next_cursor": None})
        found = next(row for row in rows if str(row["id"]) in path)
        return httpx2.Response(200, json=found)

    real, transport = httpx2.Client, httpx2.MockTransport(handle)
    monkeypatch.setattr(ssh_module.os, "execv", lambda *_words: None)  # it would end the tests
    monkeypatch.setattr(http.connection.httpx2, "Client", lambda **given: real(transport=transport, **given))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BERTH_URL", "http://berth.test")
    monkeypatch.setenv("BERTH_TOKEN", "token")
    return rows


@pytest.mark.parametrize("words", ["apps show", "apps stop", "apps release --yes", "show", "release --yes"])
@pytest.mark.parametrize("ended", ["released", "failed", "canceled"])
def test_what_has_ended_does_not_make_a_name_ambiguous(project, capsys, words: str, ended: str) -> None:
    project += [thing(ENDED, ended), thing(RUNS, "active"), thing(OTHER, ended)]
    group, *rest = words.split(" --")
    command = [*group.split(), "train", "--json", *(f"--{word}" for word in rest)]
    assert main(command) == 0
    assert RUNS in capsys.readouterr().out


def test_two_that_run_are_ambiguous_in_words_and_one_that_ended_is_still_found(project, capsys) -> None:
    project += [thing(RUNS, "active"), thing(OTHER, "deploying")]
    for command in (["apps", "show", "train"], ["show", "train"], ["ssh", "train"]):
        assert main(command) == Exit.USAGE
        said = capsys.readouterr().err
        assert "means more than one" in said and "11111111aaaa" in said and "33333333cccc" in said
        assert "Give more of the id." in said
    assert main(["apps", "show", "33333333-cccc", "--json"]) == 0
    assert OTHER in capsys.readouterr().out
    project[:] = [thing(ENDED, "released")]
    assert main(["apps", "show", "train", "--json"]) == 0
    assert ENDED in capsys.readouterr().out
    project += [thing(OTHER, "failed")]
    assert main(["apps", "show", "train"]) == Exit.USAGE


REMOTE = [
    ["ls"], ["-l"], ["--json"], ["--url", "http://x"], ["--help"], ["-v", "-oProxyCommand=false"], ["--", "a"],
    ["nvidia-smi", "-L", "--query"], ["echo", "a b", "", "*", "$HOME", "ä", "'\""], ["--version"], ["-h"], ["-"],
]  # fmt: skip


@pytest.mark.parametrize("remote", REMOTE)
def test_options_after_the_dashes_reach_the_remote_side_unchanged(
    project, capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, remote: list[str]
) -> None:
    project.append(thing(RUNS, "active"))
    told, folder = tmp_path / "told", tmp_path / "bin"
    folder.mkdir()
    recorder = "import json,sys;json.dump(sys.argv[2:],open(sys.argv[1],'w'))"
    (folder / "ssh").write_text(f'#!/bin/sh\nexec "{sys.executable}" -Sc "{recorder}" "{told}" "$@"\n')
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    ran: list[int] = []
    monkeypatch.setattr(ssh_module.os, "execv", lambda _program, words: ran.append(subprocess.call(words)))
    assert main(["ssh", "train", "--", *remote]) == 0, capsys.readouterr().err
    given = json.loads(told.read_text())
    at = given.index("--")
    assert (ran, given[at + 1 :]) == ([0], ["train", *remote])
    monkeypatch.undo()
    said = subprocess.run(["ssh", "-G", *given], capture_output=True, text=True, check=True).stdout
    found = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    assert (found["hostname"], found["port"], found["user"]) == ("host.test", "2222", "u-ada")
    assert found.get("proxycommand") is None


def test_an_option_before_the_dashes_is_ours(project, capsys) -> None:
    project.append(thing(RUNS, "active"))
    assert main(["ssh", "nobody", "--json", "--", "--url", "x"]) == Exit.NOT_FOUND
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "not_found"
    assert main(["ssh", "nobody", "--", "--json"]) == Exit.NOT_FOUND
    assert capsys.readouterr().err.startswith("berth: ")


@pytest.mark.parametrize("words", [["--version"], ["-V"], ["version"]])
def test_the_build_is_named(capsys, words: list[str]) -> None:
    assert entrance(words) == 0
    assert capsys.readouterr().out.startswith("berth ")


@pytest.mark.parametrize(
    "words",
    [
        ["ls", "--no-such"], ["no-such"], ["apps", "no-such"], ["apps"], ["launch"], ["launch", "x", "--gpus", "0"],
        ["usage", "--from", "x"], ["events", "--since", "x"], ["ls", "--url", "x"], ["show", "nobody"], ["show", ".."],
        ["release", "train"], ["storage", "cp", "a", "b"], ["keys", "add", "x", "/nowhere"], ["ssh"], ["--no-such"],
        ["admin", "policies", "set"], ["completion", "tcsh"], ["balance", "extra"], ["show"],
    ],
)  # fmt: skip
def test_with_json_an_error_is_one_object_on_one_line(project, capsys, words: list[str]) -> None:
    project.append(thing(RUNS, "active"))
    code = main([*words, "--json"])
    said = capsys.readouterr()
    assert (code != 0, said.out, said.err.count("\n")) == (True, "", 1), said.err
    error = json.loads(said.err)["error"]
    assert set(error) == {"code", "message", "exit_code", "fix", "status", "correlation_id"}
    assert error["exit_code"] == code and error["message"]
