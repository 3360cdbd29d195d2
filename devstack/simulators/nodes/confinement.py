"""How a session's process is kept away from everything that is not its login's. Builds argument lists, runs nothing.

Three levels, the strongest that this computer permits: namespaces and an own uid; an own uid only; nothing but an
own home (when the nodes process is not root). Never a process with uid 0 in a session.
"""

import enum
import hashlib
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

_HERE = Path(__file__).parent
_TOOLS = ("setpriv", "unshare", "prlimit", "setsid", "mount", "umount")
_UNSHARE = ("--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
NOFILE, NPROC, FSIZE = 1024, 256, 1 << 30


class Level(enum.StrEnum):
    """How strongly sessions are confined."""

    NAMESPACES = "namespaces"
    UID = "uid"
    HOME = "home"

    @property
    def sentence(self) -> str:
        """What the message of the day says about it."""
        return {
            Level.NAMESPACES: "you have your own user, home, /tmp and process list, and no network",
            Level.UID: "you have your own user and home; files and network are this computer's",
            Level.HOME: "only your home is your own; you run as the person who started Berth",
        }[self]


class Room(msgspec.Struct, frozen=True):
    """Where one login lives: `folder` holds its home, tmp, sbin and etc; `mask` is hidden from it."""

    hostname: str
    login: str
    uid: int
    folder: Path
    mask: Path


class Launch(msgspec.Struct, frozen=True):
    """What to start for a session. The process makes its own session and takes its terminal itself."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path


def _limits() -> tuple[str, str, str]:
    """The limits of a session, never above our own hard limits (raising those needs a privilege)."""
    wanted = ((resource.RLIMIT_NOFILE, NOFILE), (resource.RLIMIT_NPROC, NPROC), (resource.RLIMIT_FSIZE, FSIZE))
    hard = [(resource.getrlimit(kind)[1], limit) for kind, limit in wanted]
    nofile, nproc, fsize = (str(limit if top == resource.RLIM_INFINITY else min(top, limit)) for top, limit in hard)
    return nofile, nproc, fsize


def home_path(level: Level, room: Room) -> str:
    """The home directory as the session sees it."""
    return f"/home/{room.login}" if level is Level.NAMESPACES else str(room.folder / "home" / room.login)


def session_path(level: Level, room: Room) -> str:
    """PATH inside the session; the machine's own commands (nvidia-smi) come first."""
    sbin = "/usr/local/sbin" if level is Level.NAMESPACES else str(room.folder / "sbin" / room.login)
    return f"{sbin}:/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"


def launch(level: Level, room: Room, command: Sequence[str], env: dict[str, str], *, tty: bool) -> Launch:
    """The process that becomes `command` as the room's login; `env` must hold values that were checked. Sessions and
    apps are confined alike."""
    limits = _limits()
    env = {**env, "HOME": home_path(level, room), "SESSION_PATH": session_path(level, room)}
    env["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    if level is Level.NAMESPACES:
        setpriv, unshare = (shutil.which(tool) or tool for tool in ("setpriv", "unshare"))
        enter = ("/bin/sh", str(_HERE / "enter.sh"), room.hostname, room.login, str(room.uid), str(room.folder))
        outer: tuple[str, ...] = (setpriv, "--pdeathsig", "KILL", unshare, *_UNSHARE, "--propagation", "private")
        return Launch((*outer, *enter, str(room.mask), str(int(tty)), *limits, *command), env, Path("/"))
    uid = room.uid if level is Level.UID else -1
    start = (sys.executable, "-I", "-S", str(_HERE / "launcher.py"), str(uid), str(int(tty)))
    return Launch((*start, *limits, *command), env, Path("/"))


def strongest_level() -> Level:
    """Find out, by trying with a throw-away login, how strongly sessions can be confined here."""
    if os.geteuid() != 0:
        return Level.HOME
    if all(shutil.which(tool) for tool in _TOOLS) and _namespaces_work():
        return Level.NAMESPACES
    return Level.UID


def _namespaces_work() -> bool:
    with tempfile.TemporaryDirectory(prefix="berth-probe-") as name:
        folder = Path(name)
        for part in ("home", "tmp", "sbin"):
            (folder / part / "probe").mkdir(parents=True)
        (folder / "etc").mkdir()
        for part in ("passwd", "group"):
            (folder / "etc" / f"probe.{part}").write_text("")
        room = Room(hostname="probe", login="probe", uid=1_999_999, folder=folder, mask=folder)
        start = launch(Level.NAMESPACES, room, ("/bin/sh", "-c", "id -u; uname -n"), {}, tty=False)
        try:
            done = subprocess.run(
                start.argv, env=start.env, cwd=start.cwd, capture_output=True, stdin=subprocess.DEVNULL, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.stdout.split() == [b"1999999", b"probe"]


def people_root(level: Level, data_dir: Path) -> Path:
    """The folder that holds the logins' homes: the data folder, unless an own uid alone could not walk into it."""
    if level is not Level.UID:
        return data_dir
    parents = [data_dir, *data_dir.parents]
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in parents if parent.exists()):
        return data_dir
    name = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    root = Path("/var/tmp") / f"berth-nodes-{name}"  # noqa: S108  (owner checked below)
    root.mkdir(mode=0o711, exist_ok=True)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{root} belongs to somebody else")
    root.chmod(0o711)
    return root
