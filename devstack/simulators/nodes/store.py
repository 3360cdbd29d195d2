"""The nodes process on disk: one folder a machine, with its state (JSON, mode 0600) and its people's files.

State is written to a neighbour and renamed, so a kill at any moment leaves the old state or the new one.
"""

import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from devstack.simulators.nodes.confinement import Level, Room, home_path, people_root
from devstack.simulators.nodes.machine import SYSTEM_ID, Account, Machine
from devstack.simulators.nodes.nvidia_smi import render

_STATE = "machine.json"


class Store:
    """Reads and writes machines under `data_dir`; `level` decides where homes live and whom they belong to."""

    def __init__(self, data_dir: Path, level: Level) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir.chmod(0o711 if level is Level.UID else 0o700)
        self._data_dir = data_dir
        self._level = level
        self._people = people_root(level, data_dir)
        self.salt = str(data_dir)

    def machines(self) -> list[Machine]:
        """Every machine that was deployed when the process last ran; a damaged state file is left out."""
        found = []
        for path in sorted(self._data_dir.glob(f"*/{_STATE}")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Machine))
            except (OSError, msgspec.DecodeError):
                continue
        return found

    def save(self, machine: Machine) -> None:
        """Keep the machine's state."""
        folder = self._folder(self._data_dir, machine.system_id)
        _write(folder / _STATE, msgspec.json.encode(machine), 0o600)

    def wipe(self, system_id: str) -> None:
        """Remove everything of a machine; its processes must have ended."""
        for root in {self._data_dir, self._people}:
            shutil.rmtree(root / system_id, ignore_errors=True)

    def wipe_login(self, system_id: str, login: str) -> None:
        """Remove the files of one login of a machine."""
        folder = self._people / system_id
        for part in ("home", "tmp", "sbin"):
            shutil.rmtree(folder / part / login, ignore_errors=True)
        for part in ("passwd", "group"):
            (folder / "etc" / f"{login}.{part}").unlink(missing_ok=True)

    def room(self, machine: Machine, account: Account) -> Room:
        """Make sure that the login's files exist and say where; what the person changed is left alone."""
        folder = self._folder(self._people, machine.system_id)
        room = Room(
            hostname=machine.hostname(),
            login=account.login,
            uid=account.uid,
            folder=folder,
            mask=next((p for p in self._data_dir.parents if p.name == ".berth"), self._data_dir),
        )
        for part in ("home", "tmp", "sbin"):
            (folder / part).mkdir(mode=0o711, exist_ok=True)
        (folder / "etc").mkdir(mode=0o711, exist_ok=True)
        home, tmp, sbin = (folder / part / account.login for part in ("home", "tmp", "sbin"))
        if not tmp.exists():
            self._make(tmp, account.uid)
        if not home.exists():
            self._make_home(home, machine, account)
        sbin.mkdir(mode=0o755, exist_ok=True)
        self._write_commands(sbin, machine, account)
        self._write_names(folder / "etc", room, account)
        return room

    def _make(self, path: Path, uid: int) -> None:
        path.mkdir(mode=0o700)
        if self._level is not Level.HOME:
            os.chown(path, uid, uid)

    def _make_home(self, home: Path, machine: Machine, account: Account) -> None:
        self._make(home, account.uid)
        prompt = f"PS1='{account.login}@{machine.hostname()}:\\w\\$ '\n"
        for name, text in ((".bashrc", prompt + "alias ls='ls --color=auto'\n"), (".profile", ". ~/.bashrc\n")):
            (home / name).write_text(text)
            if self._level is not Level.HOME:
                os.chown(home / name, account.uid, account.uid)

    def _write_commands(self, sbin: Path, machine: Machine, account: Account) -> None:
        command = sbin / "nvidia-smi"
        if machine.spec.gpus:
            _write(command, render(machine.gpus_of(account)).encode(), 0o755)
        else:
            command.unlink(missing_ok=True)

    def _write_names(self, etc: Path, room: Room, account: Account) -> None:
        gecos = account.gecos.replace(":", " ")
        home = home_path(self._level, room)
        root = "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        passwd = f"{root}{room.login}:x:{room.uid}:{room.uid}:{gecos}:{home}:/bin/bash\n"
        _write(etc / f"{room.login}.passwd", passwd.encode(), 0o644)
        _write(etc / f"{room.login}.group", f"root:x:0:\n{room.login}:x:{room.uid}:\n".encode(), 0o644)

    @staticmethod
    def _folder(root: Path, system_id: str) -> Path:
        if not SYSTEM_ID.fullmatch(system_id):
            raise ValueError("not a system id")
        folder = root / system_id
        folder.mkdir(mode=0o711, exist_ok=True)
        return folder


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(descriptor, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
