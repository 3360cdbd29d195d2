"""`python -m app.cli COMMAND …`: looks the command up, loads its module, calls its function.

Modules are named, not imported: `berth status` must not wait for a web framework, and an installation without the
development stack has all other commands.
"""

import os
import sys

TYPE_CHECKING = False  # that of `typing`, which takes as long to load as all of this
if TYPE_CHECKING:
    from collections.abc import Callable


class Command:
    """Where a command lives: `function(words) -> exit code`."""

    def __init__(self, module: str, function: str, promise: str) -> None:
        self.module = module
        self.function = function
        self.promise = promise

    def load(self) -> "Callable[[list[str]], int]":
        """The function itself."""
        from importlib import import_module

        function: Callable[[list[str]], int] = getattr(import_module(self.module), self.function)
        return function

    def is_installed(self) -> bool:
        """Whether this installation has it: the image holds no development stack."""
        from importlib.util import find_spec

        return find_spec(self.module.partition(".")[0]) is not None


COMMANDS = {
    "up": Command("devstack.up", "main", "start everything on this machine; --detach, --port N, --fleet N, --timings"),
    "down": Command("devstack.down", "main", "stop everything of this checkout; data stays"),
    "reset": Command("devstack.down", "reset", "stop and delete all data (asks first; --yes)"),
    "status": Command("devstack.status", "main", "what runs and where; --json"),
    "logs": Command("devstack.logs", "main", "the log of one part; -f follows"),
    "web": Command("app.cli.processes", "web", "the web process"),
    "worker": Command("app.cli.processes", "worker", "the job worker"),
    "provisioner": Command("app.cli.processes", "provisioner", "the workflow worker"),
    "terminal-host": Command("app.cli.processes", "terminal_host", "the shells of terminals"),
    "migrate": Command("app.cli.processes", "migrate", "bring the database to the newest schema"),
    "seed": Command("app.cli.processes", "seed", "plant the demonstration data"),
    "settings": Command(
        "app.cli.settings", "main", "check the settings of this environment; --ask the services, --json"
    ),
    "ledger": Command("app.cli.ledger", "main", "ledger verify: recompute every balance and compare"),
    "backup": Command("app.cli.backup", "backup", "copy the database into a new directory; --with-keys"),
    "restore": Command("app.cli.backup", "restore", "put a backup into the database; --replace"),
    "reconcile": Command("app.cli.reconcile", "main", "compare with MAAS and Stripe, recompute the ledger; --json"),
    "assets": Command("devstack.assets", "main", "join styles and scripts into the bundles that pages load"),
    "docs": Command("devstack.docs.command", "main", "write the pages of docs/ that are made from the code; --check"),
    "check": Command("devstack.quality", "check", "format, lint, types, import contracts, architecture rules"),
    "bench": Command("bench.command", "main", "what each part costs, beside floors and peers; budgets"),
    "pictures": Command("devstack.quality", "pictures", "draw the pictures of docs/screenshots anew"),
    "test": Command("devstack.quality", "test", "check and all tests; with arguments: pytest with these"),
}


CLIENT = {
    "login": "sign in: in the browser, or as a service account with --client-id",
    "logout": "sign out",
    "whoami": "who one is, where, with which roles",
    "skus": "types of machines, prices, what is free",
    "images": "images to install",
    "launch": "rent a machine; --wait",
    "ls": "machines",
    "show": "one machine",
    "ssh": "log in to a machine",
    "ssh-config": "a block for ~/.ssh/config",
    "release": "give a machine back",
    "cancel": "give up a launch",
    "balance": "money: what there is and how long it lasts",
    "usage": "what was used and what it cost",
    "keys": "SSH keys",
    "storage": "files: ls, cp, mv, rm, share",
    "apps": "apps on machines",
    "team": "members and invitations",
    "projects": "projects",
    "accounts": "service accounts",
    "inbox": "notifications",
    "webhooks": "addresses that receive events",
    "events": "what happened; --follow",
    "admin": "for operators: fleet, nodes, customers, money, audit, policies",
    "completion": "completion for bash, zsh, fish",
}


def is_client(argv: list[str]) -> bool:
    """Whether the command talks to the API. `ledger` is both: only `ledger verify` reads the database."""
    if argv[0] == "ledger":
        return argv[1:2] != ["verify"]
    return argv[0] in CLIENT


def main(argv: list[str]) -> int:
    """Runs one command and returns its exit code: 2 for a command nobody knows."""
    if "_BERTH_COMPLETE" in os.environ:
        argv = ["completion"]
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if argv[0] in ("-V", "--version", "version"):
        print(version())
        return 0
    if is_client(argv):
        from app.cli.client.main import main as client

        return client(argv)
    command = COMMANDS.get(argv[0])
    if command is None:
        print(f"berth {argv[0]}: no such command\n\n{usage()}", file=sys.stderr)
        return 2
    if not command.is_installed():
        print(f"berth {argv[0]} is not part of this installation", file=sys.stderr)
        return 1
    return command.load()(argv[1:])


def usage() -> str:
    """The list of commands."""
    lines = ["usage: ./berth COMMAND [options]", ""]
    lines += [f"  {name:<12} {promise}" for name, promise in CLIENT.items()]
    lines += ["", "for who runs the service:", ""]
    lines += [f"  {name:<12} {command.promise}" for name, command in COMMANDS.items()]
    return "\n".join(lines)


def version() -> str:
    """Which build this is."""
    from app.shared.buildinfo import BUILD

    return f"berth {BUILD.version} ({BUILD.commit}), Python {BUILD.python}"


if __name__ == "__main__":
    from app.cli.exit_code import ended, leave

    leave(ended(sys.argv[1:], main))
