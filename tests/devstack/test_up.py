"""`berth up --only services` as people run it: detached, killed part by part, killed whole, stopped without a trace."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devstack import processes
from devstack.home import ROOT
from devstack.services import ports

Berth = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def berth(tmp_path: Path) -> Iterator[Berth]:
    # pytest closes its directories to others: as root this also proves that nobody's PostgreSQL finds its way in.
    environment = {**os.environ, "BERTH_HOME": str(tmp_path / "home")}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "app.cli", *words]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False
        )

    yield run
    run("down")


def _status(berth: Berth) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(berth("status", "--json").stdout)
    return status


def _kill_and_wait(pid: int) -> None:
    ended = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([ended], [], [], 10)[0]
    os.close(ended)


def test_a_stack_survives_its_supervisor_and_leaves_nothing_behind(berth: Berth, tmp_path: Path) -> None:
    home = tmp_path / "home"
    wanted = str(ports.choose()[0])
    assert berth("status").returncode == 3
    started = berth("up", "--only", "services", "--detach", "--port", wanted)
    assert started.returncode == 0, started.stdout + started.stderr

    status = _status(berth)
    assert status["url"] == f"http://localhost:{wanted}"
    assert all(status["services"][name]["ready"] for name in ("postgres", "valkey", "nats", "temporal", "s3"))
    with psycopg.connect(status["postgres"]["owner_url"], autocommit=True) as connection:
        connection.execute("create table kept as select 42 as answer")
        rights = "select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = 'berth_app'"
        assert connection.execute(rights).fetchone() == (False, False, False)

    again = berth("up", "--detach")
    assert again.returncode == 0
    assert "already running" in again.stdout
    assert status["url"] in again.stdout

    _kill_and_wait(status["services"]["postgres"]["pid"])
    _kill_and_wait(status["supervisor"])
    assert berth("status").returncode == 3
    restarted = berth("up", "--only", "services", "--detach")
    assert restarted.returncode == 0, restarted.stdout + restarted.stderr
    with psycopg.connect(_status(berth)["postgres"]["owner_url"]) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)

    assert berth("down").returncode == 0
    assert processes.of_home(home) == []
    assert all(ports.is_free(port) for port in json.loads((home / "state.json").read_text())["ports"].values())
    assert berth("reset").returncode == 1
    assert (home / "postgres").exists()
    assert berth("reset", "--yes").returncode == 0
    assert not home.exists()


def test_an_unknown_command_is_refused_with_the_list(berth: Berth) -> None:
    refused = berth("no-such-thing")
    assert refused.returncode == 2
    assert "no such command" in refused.stderr
    assert "up" in refused.stderr


def test_a_command_without_a_stack_says_what_to_do(berth: Berth) -> None:
    bare = berth("migrate")
    assert bare.returncode == 3
    assert "./berth up" in bare.stderr
