"""A figure: ours beside a reference, measured in turns, and whether the target is met."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

ROUNDS = 3


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `met` compares `ratio`, or `ours` where there is no reference, with `limit`."""

    row: str
    what: str
    ours: float
    unit: str
    target: str
    limit: float
    less: bool = True  # whether less is better
    reference: float | None = None
    reference_name: str = ""
    absolute: bool = False  # the target speaks of ours alone, although there is a reference beside it
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.reference if self.reference else None

    @property
    def met(self) -> bool:
        value = self.ours if self.ratio is None or self.absolute else self.ratio
        return value <= self.limit if self.less else value >= self.limit


Work = Callable[[], Awaitable[object]]


async def cpu_ms(work: Work, times: int) -> float:
    """CPU milliseconds of this process for one piece of work."""
    began = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - began) / times * 1000


async def rate(work: Callable[[int], Awaitable[object]], clients: int, seconds: float) -> float:
    """Pieces of work a second by so many clients at once; each is told its number."""
    done, until = 0, time.perf_counter() + seconds

    async def client(number: int) -> None:
        nonlocal done
        while time.perf_counter() < until:
            await work(number)
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return done / (time.perf_counter() - began)


async def interleaved(*measures: Callable[[], Awaitable[float]], rounds: int = ROUNDS) -> list[float]:
    """The median of each, measured in turns: A B A B A B."""
    found: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(found, measures, strict=True):
            values.append(await measure())
    return [statistics.median(values) for values in found]


async def latencies(work: Work, times: int) -> list[float]:
    """Milliseconds of each, sorted."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        found.append((time.perf_counter() - began) * 1000)
    return sorted(found)


def quantile(values: Sequence[float], share: float) -> float:
    """Of sorted values."""
    return values[min(len(values) - 1, int(len(values) * share))]
