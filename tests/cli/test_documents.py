"""docs/cli.md names every command and every exit code; the list of `berth` names every group."""

import click

from app.cli.__main__ import CLIENT
from app.cli.client.exits import Exit
from app.cli.client.main import load
from devstack.simulators.nodes.testing import REPOSITORY

PAGE = (REPOSITORY / "docs/cli.md").read_text()


def commands(group: click.Group, *words: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        found += commands(command, *words, name) if isinstance(command, click.Group) else [" ".join((*words, name))]
    return found


def test_every_command_is_on_the_page_and_in_the_list() -> None:
    every = commands(load())
    assert [words for words in every if f"`berth {words}`" not in PAGE and f"`berth {words} " not in PAGE] == []
    assert {words.split()[0] for words in every} - {"ledger"} == set(CLIENT)


def test_every_exit_code_is_on_the_page() -> None:
    assert [code for code in Exit if f"| {int(code)} |" not in PAGE] == []
