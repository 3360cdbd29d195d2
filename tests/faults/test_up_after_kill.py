"""`berth up` after kill -9 of one part, of all parts, of the supervisor, of everything: ready in 30 s, data kept.

Data is what the portal wrote (rows, ledger, a running machine in MAAS, workflows, events) and a mark of our own in
the stores that hold more than rows.
"""

import os
import select
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import nats
import pytest
from botocore.config import Config
from redis.asyncio import Redis
from temporalio.client import Client, WorkflowExecutionStatus

from tests.faults.customer import Customer
from tests.faults.invariants import maas_machines, machines_are_right, money_is_right
from tests.faults.stack import BACKING, OUTSIDE, PRODUCT, READY_SECONDS, Stack, until

ALL = (*BACKING, *OUTSIDE, *PRODUCT)
COUNTS = """
    SELECT (SELECT count(*) FROM billing.ledger_transactions) AS transactions,
           (SELECT count(*) FROM admin.audit_logs) AS audited,
           (SELECT count(*) FROM shared.outbox_events) AS outbox,
           (SELECT count(*) FROM inventory.nodes) AS nodes
"""


@dataclass(frozen=True)
class Kept:
    """A running machine of a customer, and a mark in each store."""

    stack: Stack
    customer: Customer
    allocation_id: str
    mark: str

    def key(self) -> str:
        return f"faults/{self.mark}"

    async def plant(self) -> None:
        """Write the mark where the portal keeps things besides rows."""
        status = self.stack.status()
        _s3(status).put_object(Bucket=status["s3"]["bucket"], Key=self.key(), Body=self.mark.encode())
        async with Redis.from_url(status["services"]["valkey"]["url"]) as valkey:
            await valkey.set(self.key(), self.mark)

    async def counts(self) -> dict[str, int]:
        """How much there is of what only grows."""
        [rows] = self.stack.query(COUNTS)
        return {**rows, "events": await self._events()}

    async def _events(self) -> int:
        connection = await nats.connect(self.stack.status()["services"]["nats"]["url"], connect_timeout=5)
        try:
            return int((await connection.jetstream().stream_info("EVENTS")).state.last_seq)
        finally:
            await connection.close()

    async def missing(self, before: dict[str, int]) -> list[str]:
        """What is gone; empty when all is there and the portal works on."""
        after, status = await self.counts(), self.stack.status()
        gone = [f"{name}: {after[name]} of {count}" for name, count in before.items() if after[name] < count]
        body = _s3(status).get_object(Bucket=status["s3"]["bucket"], Key=self.key())["Body"].read()
        async with Redis.from_url(status["services"]["valkey"]["url"], decode_responses=True) as valkey:
            kept = await valkey.get(self.key())
        temporal = await Client.connect(status["services"]["temporal"]["url"])
        workflow = await temporal.get_workflow_handle(f"provision/{self.allocation_id}").describe()
        answers = {
            "object": body.decode() == self.mark,
            "key": kept == self.mark,
            "workflow": workflow.status == WorkflowExecutionStatus.COMPLETED,
            "allocation": (await self.customer.get(self.allocation_id))["state"] == "active",
            "machine": [m["status_name"] for m in await maas_machines(self.stack)].count("Deployed") >= 1,
            "session": (await self.customer.balance())["held"] > 0,
        }
        gone += [name for name, is_there in answers.items() if not is_there]
        gone += money_is_right(self.stack) + await machines_are_right(self.stack)
        return gone + self.customer.odd


@pytest.fixture(scope="module")
async def kept(stack: Stack, customer: Customer) -> AsyncIterator[Kept]:
    """One running machine, and marks."""
    allocation_id = await customer.launch("cpu", f"kept-{uuid4().hex[:6]}")

    async def active() -> bool:
        return bool((await customer.get(allocation_id))["state"] == "active")

    await until(active, 120, "the machine runs")
    kept = Kept(stack, customer, allocation_id, uuid4().hex)
    await kept.plant()
    yield kept
    await customer.release(allocation_id)

    async def released() -> bool:
        return bool((await customer.get(allocation_id))["state"] == "released")

    await until(released, 120, "the machine is back")


@pytest.mark.slow
async def test_all_parts_are_killed_at_once(kept: Kept) -> None:
    await _killed_and_back(kept, *ALL)


@pytest.mark.slow
@pytest.mark.parametrize("part", ALL)
async def test_one_part_is_killed(kept: Kept, part: str) -> None:
    await _killed_and_back(kept, part)


async def _killed_and_back(kept: Kept, *parts: str) -> None:
    """Kill, and type `berth up` at once: it answers when all that the supervisor restarts is ready."""
    before = await kept.counts()
    assert len(kept.stack.kill(*parts)) == len(parts)
    await _up_again(kept, before, ", ".join(parts))


@pytest.mark.slow
async def test_the_supervisor_is_killed(kept: Kept) -> None:
    before = await kept.counts()
    _kill_and_wait(kept.stack.status()["supervisor"])
    await _up_again(kept, before, "the supervisor")


async def test_everything_is_killed_as_when_the_power_fails(kept: Kept) -> None:
    before, supervisor = await kept.counts(), kept.stack.status()["supervisor"]
    count = kept.stack.kill_everything()
    assert count > len(ALL)
    await _up_again(kept, before, f"all {count} processes")
    assert kept.stack.status()["supervisor"] != supervisor


async def _up_again(kept: Kept, before: dict[str, int], what: str) -> None:
    seconds = kept.stack.up()
    print(f"up took {seconds:.1f} s after kill -9 of {what}")
    assert seconds < READY_SECONDS
    assert kept.stack.is_ready()
    assert await kept.missing(before) == []


def _kill_and_wait(pid: int) -> None:
    ended = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([ended], [], [], 10)[0]
    os.close(ended)


def _s3(status: dict[str, Any]) -> Any:
    own = status["s3"]
    return boto3.client(
        "s3", endpoint_url=own["url"], aws_access_key_id=own["access_key"], aws_secret_access_key=own["secret_key"],
        region_name="us-east-1", config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3}),
    )  # fmt: skip
