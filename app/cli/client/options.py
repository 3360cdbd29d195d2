"""What every command shares: which server, JSON or a table, amounts, instants, and how a deletion is confirmed."""

import contextlib
import re
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

import click

from app.cli.client import output
from app.cli.client.exits import Exit, Failure
from app.cli.client.http import Api

F = TypeVar("F", bound=Callable[..., Any])
MONEY = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?")
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
MICRO_PER_UNIT = 1_000_000


class Amount(click.ParamType):  # type: ignore[type-arg]  # generic for type checkers only
    """`18.40` as micro-units, without ever being a floating-point number."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = MONEY.fullmatch(str(value).removeprefix("$").replace(",", ""))
        if match is None:
            self.fail(f"{value!r} is not an amount such as 18.40.", param, ctx)
        return int(match[1]) * MICRO_PER_UNIT + int((match[2] or "").ljust(6, "0"))


class Instant(click.ParamType):  # type: ignore[type-arg]  # generic for type checkers only
    """`2026-12-01T08:00Z`; without a zone it is meant in that of this computer."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            at = datetime.fromisoformat(str(value))
            return (at if at.tzinfo else at.astimezone()).isoformat()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time such as 2026-12-01T08:00Z.", param, ctx)


AMOUNT, INSTANT = Amount(), Instant()


def api_command(group: click.Group, name: str | None = None, **settings: Any) -> Callable[[F], click.Command]:
    """A command that gets `api` and `as_json` first, and takes --url and --json."""

    def decorate(function: F) -> click.Command:
        @wraps(function)
        def run(*args: Any, url: str | None, as_json: bool, **kwargs: Any) -> Any:
            with contextlib.closing(Api(url)) as api:
                try:
                    return function(api, as_json, *args, **kwargs)
                except UnicodeError:
                    raise
                except UNREADABLE as error:
                    raise api.misunderstood(error) from error

        command: click.Command = click.command(name, **settings)(run)  # type: ignore[no-untyped-call]  # by **settings
        command.params += [
            click.Option(["--url"], help="The server; else BERTH_URL, else that of the last sign-in."),
            click.Option(["--json", "as_json"], is_flag=True, help="The API's own JSON."),
        ]
        group.add_command(command)
        return command

    return decorate


def confirm_name(name: str, what: str, yes: bool) -> None:
    """On a terminal the name has to be typed; elsewhere --yes has to be there. Raises Failure."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(f"{what} needs --yes here: nobody can be asked.", Exit.USAGE)
    output.say(f"{what}: this cannot be undone.", err=True)
    typed = click.prompt(f"Type {name} to confirm", default="", show_default=False, err=True)
    if typed.strip() != name:
        raise Failure("That is not the name. Nothing was changed.", Exit.USAGE)
