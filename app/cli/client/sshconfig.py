"""The language of ssh_config(5): every value is quoted for it, or refused where it cannot hold it.

In a value OpenSSH reads quotes and backslashes, expands %-tokens, and in the names of files `${NAME}`, for which there
is no escape. The words after `exec` are read twice, by ssh and by the person's shell: ssh ends them at the first quote
and knows no escape there (before 9.9; since then it does), so that quotes and backslashes are refused.
"""

import re
import shlex
from collections.abc import Mapping, Sequence

from app.cli.client.exits import Exit, Failure

NAME = re.compile(r"[A-Za-z0-9_\[][A-Za-z0-9._:\[\]-]*")  # hosts, logins, numbers: what needs no quotes anywhere
MOVE = "Move it, or set XDG_CONFIG_HOME or BERTH_COMMAND to a path without such signs."


def name(value: object, what: str) -> str:
    """A name that the server sent. Raises Failure for one that could be more than a name."""
    text = str(value)
    if not NAME.fullmatch(text):
        raise Failure(f"The server sent {text!r} as {what}, which no ssh configuration may hold.", Exit.UNEXPECTED)
    return text


def path(value: object) -> str:
    """A file's name as a quoted value. Raises Failure."""
    text = _printable(str(value))
    if "${" in text:
        raise _refused(text, "${")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def command(argv: Sequence[str]) -> str:
    """A command for `exec`, quoted for the person's shell and then for ssh. Raises Failure."""
    for ref in map(_printable, argv):
        bad = next((sign for sign in "\"'\\" if sign in ref), None)
        if bad:
            raise _refused(ref, bad)
    return '"' + shlex.join(argv).replace("%", "%%") + '"'


def block(host: str, renew: Sequence[str], options: Mapping[str, str]) -> str:
    """The lines for one machine. `options` hold values that are quoted already."""
    head = f"Match originalhost {host} exec {command(renew)}"
    return "\n".join([head, *(f"    {key} {value}" for key, value in options.items())])


def _printable(text: str) -> str:
    bad = next((sign for sign in text if not sign.isprintable()), None)
    if bad is not None:
        raise _refused(text, bad)
    return text


def _refused(text: str, sign: str) -> Failure:
    return Failure(f"{text!r} holds {sign!r}, which ssh cannot take in its configuration.", Exit.USAGE, MOVE)
