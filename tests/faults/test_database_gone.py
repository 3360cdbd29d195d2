"""PostgreSQL is killed under requests, a launch and the billing tick: an honest 503 at once, then all is well."""

import asyncio
import time
from uuid import uuid4

import psycopg
import pytest

from tests.faults.customer import Customer, is_honest
from tests.faults.invariants import money_is_right, nothing_is_stuck
from tests.faults.stack import PRODUCT, READY_SECONDS, Stack, until

HANG_SECONDS = 3.0  # the longest that anybody waits for an answer
READERS = 6
KILLS = 3  # each makes the supervisor wait longer: together they keep the database away for seconds
TICKED = "SELECT max(to_at) AS at FROM billing.usage_records"
LOCK = "LOCK TABLE billing.usage_records IN EXCLUSIVE MODE"
HELD_UP = "SELECT pid FROM pg_locks WHERE NOT granted"


async def test_without_a_database_every_answer_is_quick_and_honest(stack: Stack, customer: Customer) -> None:
    allocation_id = await customer.launch("cpu", f"pg-{uuid4().hex[:6]}")
    await until(lambda: _has_state(customer, allocation_id, "active"), 120, "the machine runs")
    processes = {part: stack.pid(part) for part in PRODUCT}
    stop, answers = asyncio.Event(), list[tuple[float, str]]()
    readers = [asyncio.create_task(_read(customer, allocation_id, stop, answers)) for _ in range(READERS)]
    launch = asyncio.create_task(customer.launch("cpu", f"pg-{uuid4().hex[:6]}"))
    for _ in range(KILLS):
        await until(lambda: _runs(stack), READY_SECONDS, "PostgreSQL runs")
        stack.kill("postgres")
    away = await until(lambda: _answers(stack), READY_SECONDS, "PostgreSQL answers again")
    second = await launch
    ready = await until(lambda: _ready(stack), READY_SECONDS, "everything is ready")
    stop.set()
    await asyncio.gather(*readers)

    slowest = max(seconds for seconds, _ in answers)
    kinds = {kind: [k for _, k in answers].count(kind) for kind in {kind for _, kind in answers}}
    print(f"away {away:.1f} s, ready after {ready:.1f} s more, {kinds}, slowest {slowest:.2f} s")
    assert set(kinds) <= {"200", "503"}
    assert kinds["503"] > 0
    assert slowest < HANG_SECONDS
    assert {part: stack.pid(part) for part in PRODUCT} == processes  # nobody else died of it
    await asyncio.gather(_end(customer, allocation_id), _end(customer, second))
    assert customer.odd == []
    await until(lambda: _is_right(stack), 20, "books and outbox are right")
    assert money_is_right(stack) == []


@pytest.mark.slow
async def test_the_tick_goes_on_after_its_database_and_its_worker_died(stack: Stack, customer: Customer) -> None:
    allocation_id = await customer.launch("cpu", f"tick-{uuid4().hex[:6]}")
    await until(lambda: _has_state(customer, allocation_id, "active"), 120, "the machine runs")
    for part in ("postgres", "worker"):
        await _kill_in_a_tick(stack, part)
    await _end(customer, allocation_id)
    assert money_is_right(stack) == []


async def _kill_in_a_tick(stack: Stack, part: str) -> None:
    before = (await _asked(stack, TICKED))[0]["at"]
    with psycopg.connect(str(stack.status()["postgres"]["owner_url"])) as holder:
        holder.execute(LOCK)
        await until(lambda: _is_held_up(stack), 30, "a tick is in the middle of its transaction")
        stack.kill(part)
        holder.close()
    await until(lambda: _ready(stack), READY_SECONDS, f"ready after kill -9 of {part}")
    await until(lambda: _ticked_since(stack, before), 45, f"usage goes on after kill -9 of {part}")
    assert money_is_right(stack) == []


async def _read(customer: Customer, allocation_id: str, stop: asyncio.Event, answers: list[tuple[float, str]]) -> None:
    while not stop.is_set():
        began = time.monotonic()
        answer = await customer.program.get(f"/api/v1/allocations/{allocation_id}")
        kind = str(answer.status_code) if answer.is_success or is_honest(answer) else f"dishonest {answer.status_code}"
        answers.append((time.monotonic() - began, kind))
        await asyncio.sleep(0.05)  # pace of a client


async def _end(customer: Customer, allocation_id: str) -> None:
    """Give it back once it has come to its end."""
    await until(lambda: _has_state(customer, allocation_id, "active", "failed"), 120, "active or failed")
    if await _has_state(customer, allocation_id, "active"):
        await customer.release(allocation_id)
        await until(lambda: _has_state(customer, allocation_id, "released"), 120, "released")


async def _has_state(customer: Customer, allocation_id: str, *states: str) -> bool:
    return (await customer.get(allocation_id))["state"] in states


async def _runs(stack: Stack) -> bool:
    return stack.pid("postgres") is not None


async def _ready(stack: Stack) -> bool:
    return stack.is_ready()


async def _answers(stack: Stack) -> bool:
    return bool(await _asked(stack, "SELECT 1 AS one"))


async def _is_right(stack: Stack) -> bool:
    return not await asyncio.to_thread(nothing_is_stuck, stack)


async def _is_held_up(stack: Stack) -> bool:
    return bool(await _asked(stack, HELD_UP))


async def _ticked_since(stack: Stack, before: object) -> bool:
    rows = await _asked(stack, TICKED)
    return bool(rows) and rows[0]["at"] != before


async def _asked(stack: Stack, question: str) -> list[dict[str, object]]:
    """The rows, none while the database is away."""
    try:
        return await asyncio.to_thread(stack.query, question)
    except psycopg.OperationalError:
        return []
