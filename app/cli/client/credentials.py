"""Who is signed in where: $XDG_CONFIG_HOME/berth/credentials.json, readable by its owner alone, one entry a server.

Every change is made under a lock of the whole file and replaces it whole. Nothing in it is ever printed.
"""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

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


def folder() -> Path:
    """Our folder of the person's configuration, made on first use for its owner alone."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    path = Path(base) / "berth"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, content: str, mode: int = 0o600) -> None:
    """`path` holds the old content or the new, never a part of it; only its owner may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "w") as file:
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
    """The file. `locked()` keeps other processes out while a token is renewed."""

    def __init__(self) -> None:
        self._path = folder() / "credentials.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Two commands at once must not bring the same refresh token twice: that would end the sign-in."""
        with open(self._path.with_suffix(".lock"), "a") as lock:
            os.fchmod(lock.fileno(), 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read(self, url: str) -> Login | None:
        entry = self._all().servers.get(url)
        known = {name: str(entry[name]) for name in Login.__dataclass_fields__ if name in entry} if entry else None
        return None if known is None else Login(**known)

    def write(self, url: str, login: Login | None) -> None:
        """Remember or forget; the caller holds the lock."""
        content = self._all()
        if login is None:
            content.servers.pop(url, None)
            content.current = "" if content.current == url else content.current
        else:
            content.servers[url] = asdict(login)
            content.current = url
        write_private(self._path, json.dumps(asdict(content), indent=1) + "\n")

    def current_url(self) -> str:
        """The server of the last sign-in; before one, that of a development stack."""
        return self._all().current or DEFAULT_URL

    def _all(self) -> _Content:
        try:
            content = json.loads(self._path.read_text())
        except FileNotFoundError:
            return _Content()
        except (OSError, ValueError) as error:
            raise SystemExit(
                f"berth: {self._path} cannot be read ({error}). Move it away and sign in again."
            ) from error
        if not isinstance(content, dict):
            return _Content()
        return _Content(servers=dict(content.get("servers") or {}), current=str(content.get("current") or ""))
