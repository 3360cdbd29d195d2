"""Where an unprivileged server may live when we are root and stand in a folder that is closed to others.

PostgreSQL refuses to be root, so root runs it as nobody; below a home of mode 0700 nobody reaches neither program nor
data. Both then live under a folder of root that everybody may pass through, one entry for each that was asked for.
Nobody gets no capability, and no mode of a folder of the person's is changed.
"""

import os
import secrets
import shutil
import stat
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

PLACES = (Path("/var/lib/berth-devstack"), Path("/var/tmp/berth-devstack"))  # noqa: S108 - its owner and mode are checked


class Unreachable(Exception):
    """There is no folder that nobody may pass through; the message says what was tried."""


def is_open(path: Path) -> bool:
    """Whether everybody may pass through all folders above."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def base() -> Path:
    """A folder of root, closed to writing by others and open to passing. Raises Unreachable."""
    tried = []
    for place in PLACES:
        try:
            place.mkdir(mode=0o711, exist_ok=True)
            state = place.lstat()
            mine = stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()
            if mine and not state.st_mode & 0o022 and state.st_mode & stat.S_IXOTH and is_open(place / "x"):
                _written(place)
                return place
            tried.append(f"{place} is not only root's, or closed")
        except OSError as error:
            tried.append(f"{place}: {error.strerror}")
    raise Unreachable(f"there is no folder where the unprivileged PostgreSQL could live ({'; '.join(tried)})")


def _written(place: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=place)
    os.close(descriptor)
    os.unlink(name)


def beside(path: Path) -> Path:
    """The place of `path` outside of closed folders; the same on every start. A folder that was deleted and made
    anew at the same path has another one: it does not inherit data whose passwords are gone."""
    name = sha256(os.fsencode(path.absolute()) + _identity(path.parent)).hexdigest()[:12]
    return base() / f"{path.name}-{name}"


def _identity(folder: Path) -> bytes:
    """A random name that the folder keeps."""
    kept = folder / ".identity"
    if not kept.exists():
        kept.write_text(secrets.token_hex(8))
    return kept.read_bytes()


def moved(path: Path) -> Path:
    """`path` itself, or where its content is reached instead: what was there goes along, and a link leads there."""
    if path.is_symlink() or is_open(path):
        return path.resolve()
    place = beside(path)
    place.mkdir(mode=0o700, exist_ok=True)
    if path.is_dir() and any(path.iterdir()):
        shutil.rmtree(place)
        shutil.move(path, place)
    elif path.is_dir():
        path.rmdir()
    path.symlink_to(place)
    return place


def copied(*folders: Path) -> Path:
    """The folder that holds these neighbours, or one with copies that everybody may read; made once for each state."""
    site = folders[0].parent
    if is_open(folders[0] / "x"):
        return site
    states = "".join(f"{folder.stat().st_ino} {folder.stat().st_mtime_ns} " for folder in folders)
    place = base() / f"{_copies_of(site)}{sha256(states.encode()).hexdigest()[:12]}"
    if place.exists():
        return place
    forget_copies(site)  # of an earlier installation
    draft = Path(tempfile.mkdtemp(dir=place.parent))
    try:
        for folder in folders:
            shutil.copytree(folder, draft / folder.name, symlinks=True)
        for entry in (draft, *draft.rglob("*")):
            _open_to_all(entry)
        draft.rename(place)
    except OSError:
        if not place.exists():  # somebody else was faster, or it is something else
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return place


def _copies_of(site: Path) -> str:
    """How the names of all copies of one environment's programs begin."""
    return f"program-{sha256(os.fsencode(site.resolve())).hexdigest()[:12]}-"


def forget_copies(site: Path) -> None:
    """Delete the copies that `copied` made of this environment's programs, of any state; one that a process still runs
    from, of another home of the same checkout, stays."""
    for place in PLACES:
        for copy in place.glob(f"{_copies_of(site)}*"):
            if not _runs(copy):
                shutil.rmtree(copy, ignore_errors=True)


def _runs(place: Path) -> bool:
    """Whether a process runs a program below `place`."""
    for link in Path("/proc").glob("[0-9]*/exe"):
        with suppress(OSError):
            if Path(os.readlink(link)).is_relative_to(place):
                return True
    return False


def _open_to_all(entry: Path) -> None:
    if not entry.is_symlink():
        mode = entry.stat().st_mode
        entry.chmod(mode | (0o055 if mode & 0o100 else 0o044))


def forget(path: Path) -> None:
    """Delete what `moved` put elsewhere, when the link that leads there goes."""
    target = path.resolve()
    if path.is_symlink() and target.parent in PLACES:
        shutil.rmtree(target, ignore_errors=True)
