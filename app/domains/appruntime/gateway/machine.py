"""What is said to a machine about apps: files, states, logs as the app's login; start and stop as the management."""

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
import structlog

from app.domains.appruntime.contracts import LogPart
from app.domains.appruntime.errors import MachineRefused
from app.domains.appruntime.gateway.link import Link
from app.domains.appruntime.rules.manifests import FOLDER
from app.domains.provisioning.contracts import NODE_COMMAND
from app.shared.records import UNREADABLE, read_records

log = structlog.get_logger("berth.apps")

NODE_FILES = Path(__file__).parents[1] / "node_files"
PYTHON = f"/usr/bin/python3 -I {FOLDER}/berth-app"


DECISIVE = ("app", "alive", "known", "run", "state")  # a status without one of these says nothing


class RunStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the way up as the runner tells it; times are seconds of the machine's clock."""

    key: str
    began: float
    ended: float | None = None
    ok: bool = False
    note: str = ""


class AppStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the runner of one app says. `alive`: the runner itself; `state`: installing | starting | running | exited |
    failed, or empty when it never ran."""

    app: str
    alive: bool = False
    known: bool = False
    run: int = 0
    state: str = ""
    steps: tuple[RunStep, ...] = ()
    code: int | None = None
    signal: str | None = None
    error: str = ""
    log_end: int = 0
    tail: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def runner() -> bytes:
    """The program that runs apps on a machine; read once per process."""
    return (NODE_FILES / "berth-app").read_bytes()


class AppMachine:
    """A machine, logged in as the apps' login. Raises what the link raises."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def home(self) -> str:
        """The login's home as it sees it."""
        return (await self._link.run('printf %s "$HOME"')).decode()

    async def prepare(self, handle: str, files: Mapping[str, str], folder: str, spec: Mapping[str, object]) -> None:
        """Write the runner, the manifest's files and what to run. Repeating it changes nothing."""
        await self._put(f"{FOLDER}/berth-app", runner())
        for name, content in files.items():
            await self._put(f"{folder}/{name}", content.encode())
        await self._put(f"{FOLDER}/apps/{handle}/spec.json", json.dumps(spec).encode())

    async def status(self, handles: Sequence[str]) -> dict[str, AppStatus]:
        """Of each app; one that the machine does not know says so, one that it says nonsense of is left out. Raises
        MachineRefused."""
        output = await self._link.run(f"{PYTHON} status {' '.join(handles)}")
        try:
            found = read_records(msgspec.json.decode(output, type=list[msgspec.Raw]), AppStatus, DECISIVE)
        except UNREADABLE as error:
            raise MachineRefused("The machine's answer could not be read.") from error
        for record in found.unread:
            log.warning("what a machine says of an app could not be read", app=record.about, problem=record.problem)
        return {status.app: status for status in found.items}

    async def log(self, handle: str, offset: int, limit: int) -> LogPart:
        """A part of the app's output; a negative offset asks for the end of it."""
        output = await self._link.run(f"{PYTHON} log {handle} {offset} {limit}")
        try:
            return msgspec.json.decode(output, type=LogPart)
        except UNREADABLE as error:
            raise MachineRefused("The machine's answer could not be read.") from error

    async def remove(self, handle: str) -> None:
        """Forget an app that has ended."""
        await self._link.run(f"test ! -e {FOLDER}/berth-app || {PYTHON} remove {handle}")

    async def _put(self, path: str, content: bytes) -> None:
        """The file holds the old content or the new, never a part; one that has it already is left alone."""
        digest = hashlib.sha256(content).hexdigest()
        where, new = shlex.quote(path), shlex.quote(f"{path}.new-{digest[:12]}")
        check = f"printf '%s  %s\\n' {digest} {where} | sha256sum -c --status 2>/dev/null"
        write = f"mkdir -p {shlex.quote(str(Path(path).parent))} && cat > {new} && mv -f {new} {where}"
        await self._link.run(f"umask 077; {check} || {{ {write}; }}", content)


class Manager:
    """A machine, logged in as the management: the only thing that outlives sessions is started by it."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def start(self, login: str, handle: str) -> None:
        """Run the app's runner as that login; does nothing when it runs."""
        await self._link.run(f"sudo {NODE_COMMAND} app-start --login {login} --app {handle}")

    async def stop(self, login: str, handle: str) -> None:
        """End the runner and all that it started."""
        await self._link.run(f"sudo {NODE_COMMAND} app-stop --login {login} --app {handle}")
