"""The weaker levels of confinement, which this computer may not need: what they start, and what they say."""

import os
import subprocess
from pathlib import Path

import pytest

from devstack.simulators.nodes import processes
from devstack.simulators.nodes.confinement import Level, Room, launch, people_root, strongest_level


@pytest.fixture
def room(tmp_path: Path) -> Room:
    for part in ("home", "sbin"):
        (tmp_path / part / "ada").mkdir(parents=True)
    return Room(hostname="train-07", login="ada", uid=2_000_123, folder=tmp_path, mask=tmp_path)


def test_an_ordinary_user_gets_the_level_without_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert strongest_level() is Level.HOME
    assert "you run as the person who started Berth" in Level.HOME.sentence


def test_without_privileges_the_session_starts_in_its_home_with_limits(room: Room) -> None:
    command = ("/bin/sh", "-c", "pwd; echo $HOME; echo $PATH; ulimit -n; grep NoNewPrivs /proc/self/status; id -u")
    start = launch(Level.HOME, room, command, {}, tty=False)
    done = subprocess.run(start.argv, env=start.env, cwd=start.cwd, capture_output=True, text=True, check=True)
    home, same, path, files, privileges, uid = done.stdout.splitlines()
    assert home == same == str(room.folder / "home/ada")
    assert path.startswith(f"{room.folder}/sbin/ada:")
    assert int(files) <= 1024
    assert privileges.split() == ["NoNewPrivs:", "1"]
    assert int(uid) == os.geteuid()


def test_processes_without_an_own_uid_are_found_by_their_marker_and_ended(room: Room) -> None:
    env = {processes.MARKER: "bench:n1:ada:"}
    start = launch(Level.HOME, room, ("/bin/sleep", "600"), env, tty=False)
    with subprocess.Popen(start.argv, env=start.env, cwd=start.cwd) as child:
        assert processes.with_marker("bench:n1:adam:") == []
        assert processes.end(lambda: processes.with_marker("bench:n1:ada:"))
        assert child.wait(2) == -9


def test_with_an_own_uid_only_homes_lie_where_that_uid_can_walk(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert people_root(Level.NAMESPACES, closed) == closed
    root = people_root(Level.UID, closed)
    try:
        assert root != closed
        assert root.stat().st_mode & 0o777 == 0o711
        assert root == people_root(Level.UID, closed)
    finally:
        root.rmdir()
