"""Writes the history: the script's moments in the order of time, and the meters read once an hour in between."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from app.domains.billing import public as billing
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.errors import Conflict
from app.shared.use_case import use_case
from devstack.history import money, script
from devstack.history.machines import Machine
from devstack.history.money import Till
from devstack.history.past import OURS, Past
from devstack.history.people import Cast, gather, identity_of

HOUR = timedelta(hours=1)
OPENS = timedelta(hours=8)  # of the first day: the owner signs in

Moment = tuple[datetime, Callable[[], Awaitable[None]]]


class Begun(msgspec.Struct, frozen=True):
    """When the history was begun, and the midnight (UTC) of its first day: kept, so that it ends as it began."""

    at: datetime
    first: datetime


class Chapter(msgspec.Struct, frozen=True):
    """A part of the script that makes sense alone."""

    runs: Sequence[script.Run] = script.RUNS
    payments: Sequence[script.Payment] = script.PAYMENTS

    def first_day(self, now: datetime) -> datetime:
        """The midnight from which on all of it is over an hour before `now`."""
        length = max(run.until for run in self.runs)
        return (now.astimezone(UTC) - length - HOUR).replace(hour=0, minute=0, second=0, microsecond=0)


async def begin(runtime: Runtime, chapter: Chapter) -> Begun | None:
    """When the history begins, also of one that was interrupted; None when all of it stands already."""

    @use_case(OURS)
    async def found(ctx: Context, begun: Begun) -> Begun:
        if await billing.find_transaction_of(ctx, money.WELCOME) is not None:
            raise Conflict()  # its steps are forgotten already: it was finished long ago
        return begun

    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
    wanted = Begun(now.astimezone(UTC), chapter.first_day(now))
    try:
        return await Past(runtime, now).step("begin", now, SYSTEM, found, wanted)
    except Conflict:
        return None


async def write(runtime: Runtime, begun: Begun, chapter: Chapter) -> int:
    """Write everything, or what is missing of it. Returns the number of moments."""
    past, issuer = Past(runtime, begun.first), runtime.settings.oidc.issuer
    cast = await gather(past, begun.first + OPENS, issuer)
    await money.welcome(past, cast.tenant_id, begun.first + OPENS + timedelta(minutes=6))
    till, mail = Till(runtime, begun.at), identity_of("dana", issuer).email
    moments = [*_machines(past, cast, begun.first, chapter), *_hours(past, begun.first, chapter)]
    for payment in chapter.payments:
        at = begun.first + timedelta(days=payment.day, hours=payment.hour)
        moments.append((at, _payment(past, till, cast, mail, payment, at)))
    for _at, do in sorted(moments, key=lambda moment: moment[0]):
        await do()
    return len(moments)


def _machines(past: Past, cast: Cast, first: datetime, chapter: Chapter) -> list[Moment]:
    moments: list[Moment] = []
    for run in chapter.runs:
        for at, machine, step in Machine(past, cast, run, first).moments():
            moments.append((at, _bound(machine, step, at)))
    return moments


def _bound(machine: Machine, step: str, at: datetime) -> Callable[[], Awaitable[None]]:
    return lambda: machine.do(step, at)


def _payment(
    past: Past, till: Till, cast: Cast, mail: str, payment: script.Payment, at: datetime
) -> Callable[[], Awaitable[None]]:
    buyer = cast.actor("dana", script.PROJECTS[0])
    return lambda: money.buy(past, till, buyer, mail, payment, at)


def _hours(past: Past, first: datetime, chapter: Chapter) -> list[Moment]:
    """The full hours in which a machine runs: its meter is read."""
    hours: set[timedelta] = set()
    for run in chapter.runs:
        if run.ends == "released":
            number = int(run.begins / HOUR) + 1
            while number * HOUR <= run.until:
                hours.add(number * HOUR)
                number += 1

    def reader(at: datetime) -> Callable[[], Awaitable[None]]:
        async def read() -> None:
            async with past.context(at) as ctx:
                await billing.accrue_running(ctx)

        return read

    return [(first + hour, reader(first + hour)) for hour in sorted(hours)]
