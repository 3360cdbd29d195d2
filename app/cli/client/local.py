"""Files of this computer that a person names: to read a short one, to send one, to write one. Each fault in words.

A file that is written appears whole or not at all; a device, a pipe or a folder is never replaced.
"""

import contextlib
import os
import stat
import tempfile
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from app.cli.client.exits import Exit, Failure

KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)  # fmt: skip


def named(ref: str) -> Path:
    """The path that a word means; `~` is the home of this person. Raises Failure."""
    try:
        return Path(ref).expanduser()
    except RuntimeError as error:
        raise Failure(f"{ref} cannot be found: there is no such home folder.", Exit.USAGE) from error


def kind_of(mode: int) -> str:
    """What something is that is no regular file."""
    return next((name for fits, name in KINDS if fits(mode)), "no regular file")


def unreadable(file: Path, error: OSError, fix: str = "") -> Failure:
    return Failure(f"{file} cannot be read: {error.strerror or error}.", Exit.USAGE, fix)


@contextlib.contextmanager
def opened(file: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file to read, and its size in bytes. Raises Failure for all else: its size is not known."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for its writer
    except OSError as error:
        raise unreadable(file, error) from error
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        message = f"{file} is {kind_of(state.st_mode)}. Only a file, whose size is known, can be sent."
        raise Failure(message, Exit.USAGE, "Write it to a file first.")
    with open(descriptor, "rb") as stream:
        yield stream, state.st_size


def short_text(file: Path, largest: int, fix: str) -> str:
    """The text of a short file, which may be a pipe. Raises Failure."""
    try:
        with file.open("rb") as stream:
            return text_of(stream.read(largest + 1), str(file), largest, fix)
    except OSError as error:
        raise unreadable(file, error, fix) from error


def text_of(content: bytes, source: str, largest: int, fix: str) -> str:
    """Text of at most `largest` bytes. Raises Failure."""
    if len(content) > largest:
        raise Failure(f"{source} is longer than {largest} bytes.", Exit.USAGE, fix)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failure(f"{source} holds no text (UTF-8).", Exit.USAGE, fix) from error


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """What is written becomes `place` when the block ends well, and nothing otherwise. Raises Failure."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".berth-")
        try:
            with open(descriptor, "wb") as stream:
                yield stream
            _replace(Path(name), path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror or error}.", Exit.USAGE) from error


def _replace(draft: Path, path: Path) -> None:
    """With the mode of what was there, or that of any new file."""
    mask = os.umask(0)
    os.umask(mask)
    draft.chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~mask)
    draft.replace(path)


def target_of(ref: str, name: str, *, overwrite: bool) -> Path:
    """Where a download called `name` goes: into a folder, or to that very path. Raises Failure."""
    path = named(ref)
    try:
        if path.is_dir():
            path = path / file_name(name)
        there = path.lstat() if os.path.lexists(path) else None
        os.listdir(path.parent)  # it is there, is a folder and lets us in
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror or error}.", Exit.USAGE) from error
    if there is None:
        return path
    if not overwrite:
        raise Failure(f"{path} is there already.", Exit.CONFLICT, "Replace it with --overwrite.")
    if not path.is_file():
        raise Failure(f"{path} is {kind_of(there.st_mode)}, which is not replaced.", Exit.CONFLICT)
    return path.resolve()


def file_name(name: str) -> str:
    """A name that a server gave, when it names a file and no other folder. Raises Failure."""
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise Failure(f"The file is called {name!r}, which is no name for a file here.", Exit.USAGE, "Name a target.")
    return name


def browse(address: str) -> None:
    """Show an address in a browser where there is one; it was printed too."""
    with contextlib.suppress(webbrowser.Error, OSError, ValueError):  # the address stands on the screen
        webbrowser.open(address)
