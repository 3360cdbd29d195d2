"""`berth events`: what happened, in an order that never changes; `--follow` goes on through cut connections.

The server's cursor is the position of the last event that was seen, so going on from it loses nothing and repeats
nothing. `--since` is looked for here: the feed itself begins at its oldest event or at a cursor.
"""

import contextlib
import re
import time
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import click

from app.cli.client import output
from app.cli.client.exits import Exit, Failure
from app.cli.client.follow import steadily
from app.cli.client.http import Api, Json
from app.cli.client.options import INSTANT, api_command
from app.cli.client.root import berth
from app.shared.clock import process_now

PATH = "/api/v1/events"
PAGE = 200
WAIT_SECONDS = 20
SPAN = re.compile(r"([0-9]{1,6})(s|m|h|d)")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class FromTime:
    """Events that happened at an instant or after it."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant

    def takes(self, item: Json) -> bool:
        return datetime.fromisoformat(item["occurred_at"]) >= self._instant

    def check(self) -> None:
        """Every instant is one to begin at."""


class AfterEvent:
    """Events behind a known one. One that is not there would let go by what came after it."""

    def __init__(self, identifier: UUID) -> None:
        self._identifier = identifier
        self._seen = False

    def takes(self, item: Json) -> bool:
        before, self._seen = self._seen, self._seen or UUID(item["id"]) == self._identifier
        return before

    def check(self) -> None:
        """Raises Failure when the event was not met."""
        if not self._seen:
            raise Failure(f"There is no event {self._identifier}, or no longer.", Exit.NOT_FOUND, "Give a time.")


Begin = FromTime | AfterEvent


class Since(click.ParamType):  # type: ignore[type-arg]  # generic for type checkers only
    """A time, how long ago such as `2h`, or the id of the last event that one has."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Begin:
        if isinstance(value, FromTime | AfterEvent):
            return value
        text, span = str(value), SPAN.fullmatch(str(value))
        with contextlib.suppress(ValueError):
            return AfterEvent(UUID(text))
        if span is None:
            return FromTime(datetime.fromisoformat(INSTANT.convert(text, param, ctx)))
        try:
            return FromTime(process_now() - timedelta(**{UNITS[span[2]]: int(span[1])}))
        except OverflowError:
            self.fail(f"{text!r} is longer ago than anything.", param, ctx)


@api_command(berth, "events")
@click.option("--follow", is_flag=True, help="Go on with what happens from now, until Ctrl-C.")
@click.option("--since", type=Since(), help="A time, how long ago (90m, 2h, 7d), or the id of the last event you have.")
@click.option("--limit", type=click.IntRange(1, 100_000), help="At most so many; 100 without --since and --follow.")
def events(api: Api, as_json: bool, follow: bool, since: Begin | None, limit: int | None) -> None:
    """What happened in the organisation, oldest first; with --json one event a line."""
    left = limit or (None if follow or since else 100)
    cursor = str(_page(api, "latest", 1)["next_cursor"]) if follow and since is None else None
    caught_up = cursor is not None
    while True:
        began, size = time.monotonic(), PAGE if since or left is None else min(left, PAGE)
        ask = partial(_page, api, cursor, size, wait=WAIT_SECONDS if caught_up else None)
        page = steadily(ask) if follow and cursor is not None else ask()  # a wrong address is said at once
        chosen = [item for item in page["items"] if caught_up or since is None or since.takes(item)][:left]
        for item in chosen:
            _show(item, as_json)
        left = None if left is None else left - len(chosen)
        ended = len(page["items"]) < size
        if since and ended and not caught_up:
            since.check()
        if left == 0 or (ended and not follow):
            return
        if page["items"] and page["next_cursor"] == cursor:
            raise Failure("The server sends the same events again and again.", Exit.UNEXPECTED)
        caught_up = caught_up or ended
        cursor = str(page["next_cursor"])
        if follow and not page["items"] and time.monotonic() - began < 1:
            time.sleep(1)  # a server that does not wait is not asked without end


def _page(api: Api, cursor: str | None, size: int, wait: int | None = None) -> Json:
    found: Json = api.get(PATH, cursor=cursor, limit=size, wait=wait)
    return found


def _show(item: Json, as_json: bool) -> None:
    if as_json:
        output.show_line(item)
        return
    details = "  ".join(f"{name}={output.plain(value)}" for name, value in item["data"].items())
    output.say(f"{output.moment(item['occurred_at'])}  {item['type']}  {details}")
