"""`sudo /usr/local/sbin/berth-node …` on a simulated machine: the effects of the real script, without running it.

Parsing and answers only; the machine (node.py) carries out what touches files, processes and sessions.
"""

import re
import shlex

import msgspec

from devstack.simulators.nodes.machine import MANAGEMENT_LOGIN, NODE_COMMAND
from devstack.simulators.nodes.userdata import KEY_LINE, LOGIN, PRINCIPAL

_OPTIONS = {
    "user-add": ("login", "uid", "principal", "gpus"),
    "user-del": ("login",),
    "revoke": ("login",),
    "kill-sessions": ("login",),
    "keys": ("login", "keys"),
    "keys-used": ("login",),
    "end-certificates": ("login", "serials"),
    "app-start": ("login", "app"),
    "app-stop": ("login", "app"),
    "gpus": (),
    "status": (),
}
_LOWEST_UID, _HIGHEST_UID = 20_000, 59_999
_APP = re.compile(r"[0-9a-f]{12}")
USAGE_EXIT = 2


class BadCommand(Exception):
    """The arguments are not ones that berth-node takes."""


class NodeCommand(msgspec.Struct, frozen=True):
    """One checked call of berth-node; `gpus` None means all of the machine's."""

    name: str
    login: str = ""
    principal: str = ""
    app: str = ""
    gpus: tuple[int, ...] | None = None
    keys: tuple[str, ...] = ()
    serials: tuple[int, ...] = ()


def is_node_command(command: str) -> bool:
    """True for a call of berth-node through sudo."""
    return _arguments(command) is not None


def parse(command: str) -> NodeCommand:
    """Check a call exactly as the real script does; raises BadCommand with the sentence to show."""
    argv = _arguments(command)
    if not argv or argv[0] not in _OPTIONS:
        raise BadCommand("unknown command")
    name, rest = argv[0], argv[1:]
    given: dict[str, str] = {}
    while rest:
        option, *rest = rest
        if not option.startswith("--") or option[2:] not in _OPTIONS[name] or not rest:
            raise BadCommand("unknown option or missing value")
        given[option[2:]], *rest = rest
    if _OPTIONS[name]:
        _check_login(given.get("login", ""))
    if name == "keys":
        return NodeCommand(name, given["login"], keys=_keys(given.get("keys", "")))
    if name == "end-certificates":
        return NodeCommand(name, given["login"], serials=_serials(given.get("serials", "")))
    if name in ("app-start", "app-stop"):
        if not _APP.fullmatch(given.get("app", "")):
            raise BadCommand("app must be twelve hexadecimal characters")
        return NodeCommand(name, given["login"], app=given["app"])
    if name != "user-add":
        return NodeCommand(name, given.get("login", ""))
    uid = given.get("uid", "")
    if not re.fullmatch(r"[0-9]{5}", uid) or not _LOWEST_UID <= int(uid) <= _HIGHEST_UID:
        raise BadCommand("uid must be between 20000 and 59999")
    if not PRINCIPAL.fullmatch(given.get("principal", "")):
        raise BadCommand("principal is missing or holds unexpected characters")
    return NodeCommand(name, given["login"], given["principal"], gpus=_gpus(given.get("gpus", "all")))


def _arguments(command: str) -> list[str] | None:
    try:
        argv = shlex.split(command)
    except ValueError:
        return None
    if argv[:1] != ["sudo"]:
        return None
    argv = argv[2:] if argv[1:2] == ["-n"] else argv[1:]
    return argv[1:] if argv[:1] == [NODE_COMMAND] else None


def _check_login(login: str) -> None:
    if not LOGIN.fullmatch(login) or login in ("root", MANAGEMENT_LOGIN):
        raise BadCommand("login is missing or may not be managed")


def _gpus(text: str) -> tuple[int, ...] | None:
    if text == "all":
        return None
    if text == "none":
        return ()
    if not re.fullmatch(r"[0-9]{1,2}(,[0-9]{1,2})*", text):
        raise BadCommand("gpus must be all, none or indexes like 0,1")
    return tuple(int(part) for part in text.split(","))


def _serials(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[0-9]{1,20}(,[0-9]{1,20})*", text):
        raise BadCommand("serials must be numbers like 1,2")
    return tuple(int(part) for part in text.split(","))


def _keys(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    entries = [entry.partition(":") for entry in text.split(",")]
    lines = [line.replace(":", " ") for _, _, line in entries]
    if not all(re.fullmatch(r"[0-9a-f-]{36}", key_id) for key_id, _, _ in entries):
        raise BadCommand("keys must be none or like ID:TYPE:BASE64")
    if not all(KEY_LINE.fullmatch(line) for line in lines):
        raise BadCommand("keys must be none or like ID:TYPE:BASE64")
    return tuple(lines)
