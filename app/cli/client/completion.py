"""`berth completion SHELL`: what makes a shell complete commands, options and names of machines."""

import click
from click.shell_completion import get_completion_class

from app.cli.client import output
from app.cli.client.exits import Exit, Failure
from app.cli.client.root import berth


@berth.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion for a shell, for example: berth completion bash >> ~/.bashrc"""
    kind = get_completion_class(shell)
    if kind is None:
        raise Failure(f"There is no completion for {shell}.", Exit.USAGE)
    output.say(kind(berth, {}, "berth", "_BERTH_COMPLETE").source())
