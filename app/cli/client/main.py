"""Entrance of the client's commands: loads the groups, runs one, ends with words and an exit code whatever happens."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from importlib import import_module
from types import FrameType

import click

from app.cli.client.exits import Exit
from app.cli.client.faults import Signalled
from app.cli.client.root import berth
from app.cli.exit_code import ended

MODULES = {
    "signing": ("login", "logout", "whoami"),
    "machines": ("skus", "images", "launch", "ls", "show", "release", "cancel"),
    "money": ("balance", "ledger", "usage"),
    "keys": ("keys",),
    "ssh": ("ssh", "ssh-config"),
    "storage": ("storage",),
    "apps": ("apps",),
    "team": ("team", "projects", "accounts"),
    "inbox": ("inbox", "webhooks"),
    "events": ("events",),
    **dict.fromkeys(("admin", "admin_nodes", "admin_approvals", "admin_catalog", "admin_system"), ("admin",)),
    "completion": (),  # needs all others
}


def load(command: str = "") -> click.Group:
    """The group with that command, or with all of them when it is none of ours."""
    chosen = [module for module, commands in MODULES.items() if command in commands]
    for module in chosen or MODULES:
        import_module(f"app.cli.client.{module}")
    return berth


def main(argv: list[str]) -> int:
    """Run one command; its exit code."""
    return ended(argv, _run)


def _run(argv: list[str]) -> int:
    with _signals():
        directory = os.environ.pop("BERTH_CALLER_DIR", "")
        if directory:
            os.chdir(directory)
        code = load(argv[0] if argv else "").main(argv, prog_name="berth", standalone_mode=False)
    return code if isinstance(code, int) else int(Exit.OK)


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind like Ctrl-C does: nothing half done is left behind."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise Signalled(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
