"""Who is signed in where: $XDG_CONFIG_HOME/berth/credentials.json, readable by its owner alone, one entry a server.

Every change is made under a lock of the whole file and replaces it whole. Nothing in it is ever printed.
"""

import contextlib
import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app.cli.client.exits import Exit, Failure

FILE = "credentials.json"
LARGEST = 4 * 1024 * 1024  # bytes
DEFAULT_URL = "http://localhost:8000"


@dataclass
class Login:
    """One sign-in. A person has a refresh token, a service account its client id and secret."""

    access_token: str = ""
    refresh_token: str = ""
    client_id: str = ""
    client_secret: str = ""

    def __repr__(self) -> str:
        return "Login(…)"


def config_dir() -> Path:
    """Our folder of the person's configuration, which need not be there. Raises Failure when there is no home."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    if not os.path.isabs(base):
        raise Failure(
            "There is no home folder to keep anything in.", Exit.UNEXPECTED,
            "Set HOME or XDG_CONFIG_HOME to a folder, or bring BERTH_URL and BERTH_TOKEN.",
        )  # fmt: skip
    return Path(base) / "berth"


def folder() -> Path:
    """The same, made on first use for its owner alone. Raises Failure when it cannot be."""
    path = config_dir()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise not_usable(path, error) from error
    return path


def not_usable(path: Path, error: Exception) -> Failure:
    """A file of ours cannot be read or written."""
    cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Failure(f"{path} cannot be used: {cause}.", Exit.UNEXPECTED, "Set XDG_CONFIG_HOME to a folder of yours.")


def write_private(path: Path, content: str, mode: int = 0o600) -> None:
    """`path` holds the old content or the new, never a part of it; only its owner may read it. Raises Failure."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, content, mode)
    except OSError as error:
        raise not_usable(path, error) from error


def _replace(path: Path, content: str, mode: int) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


@dataclass
class _Content:
    servers: dict[str, dict[str, str]] = field(default_factory=dict)
    current: str = ""


class Store:
    """The file. `locked()` keeps other processes out while a token is renewed. Looking makes no folder."""

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Two commands at once must not bring the same refresh token twice: that would end the sign-in."""
        path = folder() / "credentials.lock"
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            raise not_usable(path, error) from error
        try:
            yield
        finally:
            os.close(lock)

    def read(self, url: str) -> Login | None:
        entry = self._all().servers.get(url)
        return None if entry is None else Login(**{name: entry.get(name, "") for name in Login.__dataclass_fields__})

    def write(self, url: str, login: Login | None) -> None:
        """Remember or forget; the caller holds the lock."""
        content = self._all()
        if login is None:
            content.servers.pop(url, None)
            content.current = "" if content.current == url else content.current
        else:
            content.servers[url] = asdict(login)
            content.current = url
        write_private(folder() / FILE, json.dumps(asdict(content), indent=1) + "\n")

    def current_url(self) -> str:
        """The server of the last sign-in; before one, that of a development stack."""
        return self._all().current or DEFAULT_URL

    def _all(self) -> _Content:
        try:
            path = config_dir() / FILE
        except Failure:
            return _Content()  # nowhere to keep a sign-in: there is none
        try:
            content = json.loads(_read(path))
        except FileNotFoundError:
            return _Content()
        except OSError as error:
            raise not_usable(path, error) from error
        except (ValueError, RecursionError) as error:
            raise _broken(path) from error
        if not _is_ours(content):
            raise _broken(path)
        return _Content(servers=content.get("servers", {}), current=content.get("current", ""))


def _read(path: Path) -> str:
    """The text of our file, which is made private again when somebody has opened it to others."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "It is not a regular file")
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        if state.st_mode & 0o077:
            with contextlib.suppress(OSError):
                os.fchmod(file.fileno(), 0o600)
        return file.read(LARGEST).decode("utf-8")


def _is_ours(content: object) -> bool:
    """Whether the shape is one that we have written."""
    if not isinstance(content, dict) or not isinstance(content.get("current", ""), str):
        return False
    servers = content.get("servers", {})
    return isinstance(servers, dict) and all(
        isinstance(entry, dict) and all(isinstance(value, str) for value in entry.values())
        for entry in servers.values()
    )


def _broken(path: Path) -> Failure:
    return Failure(
        f"{path} does not hold sign-ins as berth writes them.", Exit.UNEXPECTED, "Move it away and sign in again."
    )
