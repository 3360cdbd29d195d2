"""Every exception in words: the one place that knows what a command says when it ends badly.

What speaks HTTP, writes output or keeps sign-ins raises Failure by itself. Here is the rest: wrong words, files of this
computer, signals, and what nobody expected, which says where its details are instead of showing a stack.
"""

import os
import sys
import traceback

import click

from app.cli.client.exits import Exit, Failure

DEBUG = "BERTH_DEBUG"
OURS = ("app", "devstack", "workers")


class Signalled(BaseException):
    """A signal asks the process to end: what is half done is cleared away on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def failure_of(error: BaseException) -> Failure:
    """What to say and with which exit code to end."""
    from app.settings import SettingsError  # slow to load, and only asked for when a command fails

    if isinstance(error, Failure):
        return error
    if isinstance(error, click.ClickException):
        return _of_usage(error)
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return Failure("Interrupted.", Exit.INTERRUPTED)
    if isinstance(error, Signalled):
        return Failure("Ended by a signal.", Exit(128 + error.number))
    if isinstance(error, BrokenPipeError):
        return Failure("", Exit.BROKEN_PIPE)
    if isinstance(error, SettingsError):
        return Failure(str(error), Exit.USAGE, "docs/settings.md says what each is for.")
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, UnicodeError):
        return Failure("Something that was given is no text (UTF-8).", Exit.USAGE)
    if isinstance(error, MemoryError):
        return Failure("There is not enough memory.", Exit.UNEXPECTED)
    return _unexpected(error)


def _of_usage(error: click.ClickException) -> Failure:
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(error.ctx.command, click.Group):
        choices = ", ".join(error.ctx.command.list_commands(error.ctx))
        return Failure(f"{error.ctx.command_path} needs a command: {choices}.", Exit.USAGE)
    fix = f"See: {context.command_path} --help" if context is not None else ""
    return Failure(error.format_message(), Exit.USAGE, fix)


def _of_system(error: OSError) -> Failure:
    """A file, folder or program of this computer."""
    cause = error.strerror or str(error) or type(error).__name__
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    return Failure(f"{name} cannot be used: {cause}." if name else f"{cause}.", Exit.UNEXPECTED)


def _unexpected(error: BaseException) -> Failure:
    """An exception of ours is a sentence already; any other is a fault that has to be looked at."""
    text = " ".join(str(error).split())[:500]
    if type(error).__module__.partition(".")[0] in OURS and text:
        return Failure(text, Exit.UNEXPECTED)
    detail = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return Failure(
        f"Something happened that berth does not expect ({detail}).", Exit.UNEXPECTED,
        "" if debugging() else f"Run it again with {DEBUG}=1 to see where.",
    )  # fmt: skip


def debugging() -> bool:
    """Whether the person asked for stacks."""
    return os.environ.get(DEBUG, "") not in ("", "0")


def show_stack(error: BaseException) -> None:
    """The stack, for who asked for it."""
    if debugging():
        traceback.print_exception(error, file=sys.stderr)
