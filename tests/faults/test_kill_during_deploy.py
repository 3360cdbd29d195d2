"""kill -9 of each part at four points of a deploy: the launch ends well or not at all, and all books agree.

A round kills each of the six parts once, each at another point of another launch, so that four rounds are all 24 cases
and one round holds every part and every point. Launches overlap: each also lives through the kills aimed at its
neighbours. `BERTH_FAULT_SEED` (printed) repeats the instants and the order.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import psycopg
import pytest

from tests.faults.customer import Customer
from tests.faults.invariants import machines_are_right, money_is_right, nothing_is_stuck
from tests.faults.stack import READY_SECONDS, Stack, until

PARTS = ("web", "worker", "provisioner", "nats", "valkey", "temporal")
POINTS = ("accepted", "deploying", "configuring", "active")
WHOLE = (("cpu", None), ("l40sx4", None), ("a100x8", None))
SLICES = (("h100x8", 1), ("h100x8", 2), ("a100x8", 3))  # who joins a machine that stands has nothing to deploy
DELAYS = {"accepted": 0.06, "deploying": 2.0, "configuring": 0.4, "active": 0.4}  # seconds into the point, at most
SETTLE_SECONDS = 120.0
QUIET_SECONDS = 20.0
STATE = "SELECT state, failure_text FROM provisioning.allocations WHERE id = %(id)s"
ENDED = ("failed", "canceled", "released")


@dataclass
class Case:
    """One part, killed at one point of one launch; and how it went."""

    part: str
    point: str
    sku: str
    gpus: int | None
    delay: float
    allocation_id: str = ""
    victim: int = 0
    killed_at: float = 0.0
    killed_in: str = ""  # the state in which the kill met it
    back: float = 0.0
    settled: float = 0.0
    state: str = ""
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        kill = f"{self.part:<12}{self.point:<12}{self.sku:<7} killed in {self.killed_in:<13}"
        return f"{kill} back {self.back:5.1f} s  {self.state:<9} after {self.settled:5.1f} s {'; '.join(self.problems)}"


def cases_of(turn: int, dice: random.Random) -> list[Case]:
    """The six cases of a round, in the order in which they are done. What is killed while deploying is a machine."""
    points = [POINTS[(number + turn) % len(POINTS)] for number in range(len(PARTS))]
    whole, slices = dice.sample(WHOLE, len(WHOLE)), dice.sample(SLICES, len(SLICES))
    cases = []
    for part, point in sorted(zip(PARTS, points, strict=True), key=lambda pair: pair[1] != "deploying"):
        sku, gpus = (whole or slices).pop()
        cases.append(Case(part, point, sku, gpus, dice.uniform(0, DELAYS[point])))
    return dice.sample(cases, len(cases))


@pytest.mark.parametrize("turn", [0, *(pytest.param(turn, marks=pytest.mark.slow) for turn in (1, 2, 3))])
async def test_a_launch_survives_the_death_of_any_part(
    stack: Stack, customer: Customer, dice: random.Random, turn: int
) -> None:
    cases = cases_of(turn, dice)
    async with _watched(customer):
        await _kill_and_settle(stack, customer, cases)
        print("\n".join(case.line() for case in cases))
        problems = [case.line() for case in cases if case.problems] + await _still_wrong(stack)
        await _release_stray(stack, customer, [case for case in cases if case.state == "active"], dice.choice(PARTS))
    problems += await _still_wrong(stack)
    print(f"the slowest answer took {customer.slowest:.2f} s")
    assert (await customer.balance())["held"] == 0
    assert problems + customer.odd == [], "\n".join(problems + customer.odd)


@asynccontextmanager
async def _watched(customer: Customer) -> AsyncIterator[None]:
    """Somebody looks at their machines all the while; what they should not have seen is in `customer.odd`."""

    async def look() -> None:
        while True:
            await customer.call("GET", "/api/v1/allocations?live=true")
            await asyncio.sleep(0.2)  # pace of a person

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _kill_and_settle(stack: Stack, customer: Customer, cases: list[Case]) -> None:
    """One kill after the other, without waiting for what the one before has left."""
    async with asyncio.TaskGroup() as settling:
        for case in cases:
            await _aim_and_kill(stack, customer, case)
            settling.create_task(_settle(stack, case))


async def _release_stray(stack: Stack, customer: Customer, active: list[Case], last: str) -> None:
    """Release them all, and kill one part meanwhile."""
    await asyncio.gather(*(customer.release(case.allocation_id) for case in active))
    stack.kill(last)
    print(f"{last} killed while {len(active)} are released")
    for case in active:
        await until(_has_state(stack, case, "released"), SETTLE_SECONDS, f"released: {case.line()}")
    await until(_ready(stack), READY_SECONDS, "everything is ready again")


async def _aim_and_kill(stack: Stack, customer: Customer, case: Case) -> None:
    """Launch, wait for the point, kill. The client repeats its request with one key for as long as it takes."""
    name, key = f"{case.part}-{case.point}-{uuid4().hex[:6]}", uuid4().hex
    await until(_runs(stack, case.part), READY_SECONDS, f"{case.part} runs")
    launching = asyncio.create_task(customer.launch(case.sku, name, case.gpus, key))
    if case.point == "accepted" and case.part == "web":
        await asyncio.sleep(case.delay)  # chance: somewhere within the request
        _kill(stack, case)
        case.killed_in = "(request)"
        case.allocation_id = await launching
        return
    case.allocation_id = await launching
    if case.point != "accepted":
        await until(_has_reached(stack, case), SETTLE_SECONDS, f"{case.point} of {name}")
        await asyncio.sleep(case.delay)  # chance: somewhere after the point
    await until(_runs(stack, case.part), READY_SECONDS, f"{case.part} runs")
    _kill(stack, case)
    case.killed_in = (await _state(stack, case))[0]


def _kill(stack: Stack, case: Case) -> None:
    [case.victim] = stack.kill(case.part)
    case.killed_at = time.monotonic()


async def _settle(stack: Stack, case: Case) -> None:
    """Wait until the part is back and the launch has come to its end."""
    try:
        await until(_runs(stack, case.part, case.victim), READY_SECONDS, f"{case.part} is ready again")
        case.back = time.monotonic() - case.killed_at
        case.settled = await until(
            _has_state(stack, case, "active", "failed"), SETTLE_SECONDS, f"active or failed: {case.allocation_id}"
        )
    except AssertionError as error:
        case.problems.append(str(error))
    case.state, text = await _state(stack, case)
    if case.state == "failed":
        print(f"{case.part} {case.point}: {text}")


async def _still_wrong(stack: Stack) -> list[str]:
    """What is wrong even after a moment: what was killed last may be on its way back."""
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        money, stuck = await asyncio.gather(
            asyncio.to_thread(money_is_right, stack), asyncio.to_thread(nothing_is_stuck, stack)
        )
        wrong = [*money, *stuck, *await machines_are_right(stack)]
        if not wrong or time.monotonic() > deadline:
            return wrong


async def _state(stack: Stack, case: Case) -> tuple[str, str]:
    while True:
        try:
            [row] = await asyncio.to_thread(stack.query, STATE, id=case.allocation_id)
            return str(row["state"]), str(row["failure_text"] or "")
        except psycopg.OperationalError:
            await asyncio.sleep(0.05)


def _has_state(stack: Stack, case: Case, *states: str) -> Callable[[], Awaitable[bool]]:
    async def has_state() -> bool:
        return (await _state(stack, case))[0] in states

    return has_state


def _has_reached(stack: Stack, case: Case) -> Callable[[], Awaitable[bool]]:
    """The point or anything behind it."""
    wanted = {"deploying": ("provisioning", "configuring", "active"), "configuring": ("configuring", "active")}
    return _has_state(stack, case, *wanted.get(case.point, ("active",)), *ENDED)


def _runs(stack: Stack, part: str, victim: int = 0) -> Callable[[], Awaitable[bool]]:
    """It is ready, and it is not the one that was killed."""

    async def runs() -> bool:
        service = stack.status()["services"].get(part)
        return bool(service and service["pid"] not in (None, victim) and service["ready"])

    return runs


def _ready(stack: Stack) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return stack.is_ready()

    return ready
