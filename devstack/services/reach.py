"""Where an unprivileged server may live when we are root and stand in a folder that is closed to others.

PostgreSQL refuses to be root, so root runs it as nobody; below a home of mode 0700 nobody reaches neither program nor
data. Both then live under a folder of root that everybody may pass through, one entry for each that was asked for.
Nobody gets no capability, and no mode of a folder of the person's is changed.
"""

import os
import shutil
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

PLACES = (Path("/var/lib/berth-devstack"), Path("/var/tmp/berth-devstack"), Path("/tmp/berth-devstack"))  # noqa: S108


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
    """The place of `path` outside of closed folders; the same on every start."""
    name = sha256(os.fsencode(path.absolute())).hexdigest()[:12]
    return base() / f"{path.name}-{name}"


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


def copied(program: Path) -> Path:
    """The folder of a program, or a copy that everybody may run; made once for each state of it."""
    if is_open(program / "x"):
        return program
    state = program.stat()
    name = sha256(os.fsencode(program.resolve()) + f"{state.st_ino} {state.st_mtime_ns}".encode()).hexdigest()[:12]
    place = base() / f"{program.name}-{name}"
    if not place.exists():
        draft = Path(tempfile.mkdtemp(dir=place.parent))
        shutil.copytree(program, draft / "copy", symlinks=True)
        draft.chmod(0o711)
        for entry in (draft / "copy", *(draft / "copy").rglob("*")):
            if not entry.is_symlink():
                entry.chmod(entry.stat().st_mode | (0o055 if entry.is_dir() or entry.stat().st_mode & 0o100 else 0o044))
        try:
            (draft / "copy").rename(place)
        except OSError:
            if not place.exists():  # somebody else was faster, unless it is something else
                raise
        shutil.rmtree(draft)
    return place


def forget(path: Path) -> None:
    """Delete what `moved` put elsewhere, when the link that leads there goes."""
    target = path.resolve()
    if path.is_symlink() and target.parent in PLACES:
        shutil.rmtree(target, ignore_errors=True)
