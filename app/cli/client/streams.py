"""The standard streams, the one place that writes to them: closed, full, a pipe, of another encoding.

Results go to standard output, all else to standard error. What a server sent may not move a terminal's cursor.
"""

import io
import os
import sys

from app.cli.client.exits import Exit, Failure

TYPE_CHECKING = False  # that of `typing`: every command passes here, and most need nothing of it
if TYPE_CHECKING:
    from typing import TextIO


def prepare() -> None:
    """Make the streams fit to write any text; a closed input or error stream is as good as an empty one.

    Raises Failure when standard output is closed: a result that nobody can get is not worth a change.
    """
    if sys.stdin is None:
        sys.stdin = open(_at_null(0))  # noqa: SIM115 - lives as long as the process
    if sys.stderr is None:
        sys.stderr = open(_at_null(2), "w")  # noqa: SIM115
    if sys.stdout is None:
        raise Failure("Standard output is closed, so nothing was done.", Exit.UNEXPECTED)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if sys.stdout is sys.__stdout__ and type(sys.stdout) is io.TextIOWrapper:
        sys.stdout = Output(
            sys.stdout.buffer, encoding=sys.stdout.encoding, errors="backslashreplace",
            line_buffering=sys.stdout.line_buffering,
        )  # fmt: skip


def _at_null(number: int) -> int:
    """Put /dev/null at a closed descriptor, so that no file that is opened later gets its number."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)
    return number


def plain(value: object) -> str:
    """One line of text: nothing that a server sends may move the cursor."""
    text = "-" if value is None or value == "" else str(value)
    return "".join(sign if sign.isprintable() else " " for sign in text)


def say(text: str, *, end: str = "\n", err: bool = False) -> None:
    """Sentences, made of what a server sent or not: line ends and tabs are kept, other control signs are not."""
    write("".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in text) + end, err=err)


class Output(io.TextIOWrapper):
    """Standard output for whoever writes to it, libraries included: a write that fails is a Failure."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except (OSError, ValueError) as error:
            raise refused(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except (OSError, ValueError) as error:
            raise refused(error) from error


def write(text: str, *, err: bool = False) -> None:
    """Text as it is. Raises Failure when standard output does not take it; standard error may be deaf."""
    try:
        _written(sys.stderr if err else sys.stdout, text)
    except (OSError, ValueError) as error:
        if not err:
            raise refused(error) from error


def refused(error: OSError | ValueError) -> Failure:
    """Standard output takes nothing more; a reader that went away is no news."""
    drop_output()
    if isinstance(error, BrokenPipeError):
        return Failure("", Exit.BROKEN_PIPE)
    cause = error.strerror if isinstance(error, OSError) else "it is closed"
    return Failure(f"Standard output cannot be written: {cause}.", Exit.UNEXPECTED)


def one_line(value: object) -> str:
    """JSON on one line, in ASCII: it passes everywhere."""
    import json

    return json.dumps(value)


def _written(stream: "TextIO", text: str) -> None:
    stream.write(text)
    stream.flush()


def drop_output() -> None:
    """What is left in the buffer goes nowhere: Python would complain about it at its end."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        return


def settle() -> None:
    """Nothing is left for Python to write at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
