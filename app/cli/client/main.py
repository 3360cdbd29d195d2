"""Entrance of the client's commands: loads the groups, runs one, turns refusals into words and exit codes."""

import os
import sys
from importlib import import_module

import click

from app.cli.client.exits import Exit, Failure
from app.cli.client.root import berth

GROUPS = (
    "signing", "machines", "money", "keys", "ssh", "storage", "apps", "team", "inbox", "admin", "admin_nodes",
    "admin_approvals", "admin_catalog", "admin_system", "completion",
)  # fmt: skip


def load() -> click.Group:
    """The command with all of its groups."""
    for name in GROUPS:
        import_module(f"app.cli.client.{name}")
    return berth


def main(words: list[str]) -> int:
    """Run one command; its exit code."""
    directory = os.environ.pop("BERTH_CALLER_DIR", "")
    if directory:
        os.chdir(directory)
    command = load()
    try:
        command.main(words, prog_name="berth", standalone_mode=False)
    except Failure as failure:
        click.echo(failure.words(), err=True)
        return int(failure.exit_code)
    except click.ClickException as error:
        error.show()
        return int(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("", err=True)
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return int(Exit.OK)
