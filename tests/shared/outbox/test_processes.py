"""`berth worker` and `berth provisioner` as real processes: they do their work, show a heartbeat and end when asked."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec
import pytest
from temporalio.client import Client

from app.settings import TemporalSettings
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.outbox import WorkflowCall
from app.shared.telemetry.trace import Trace
from devstack.services.temporal import Temporal
from tests.fixtures.relay import Ledger, event_senders, move, running, until
from workers.relay import Relay
from workers.senders import WorkflowSender

pytestmark = pytest.mark.commits
SCRIPT = Path(__file__).with_name("worker_process.py")


class Note(msgspec.Struct, frozen=True):
    name: str
    step: int


@asynccontextmanager
async def process(
    runtime: Runtime, part: str, temporal: str = "127.0.0.1:1"
) -> AsyncIterator["subprocess.Popen[bytes]"]:
    settings = runtime.settings
    where = (settings.database.url, settings.valkey_url, settings.nats_url, temporal)
    child = await asyncio.to_thread(subprocess.Popen, [sys.executable, str(SCRIPT), part, *where])
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


async def noted(ledger: Ledger, name: str, count: int = 1) -> bool:
    rows = await ledger.rows("SELECT 1 FROM public.effects WHERE consumer = %(name)s", name=name)
    return len(rows) >= count


async def enqueue(runtime: Runtime, job: str, name: str) -> None:
    async with runtime.context(SYSTEM) as ctx:
        await ctx.enqueue(job, Note(name, 1), aggregate_id=uuid4())


async def test_a_worker_relays_consumes_runs_jobs_and_ticks_and_ends_within_ten_seconds(
    runtime: Runtime, ledger: Ledger
) -> None:
    counter = uuid4()
    await move(runtime, counter, 1, 2)
    await enqueue(runtime, "probe.note", "job")
    await enqueue(runtime, "probe.forever", "forever")
    async with process(runtime, "worker") as child:
        await until(lambda: noted(ledger, "job"), 30)
        await until(lambda: noted(ledger, "forever"))
        await until(lambda: noted(ledger, "cron", 2))
        await until(lambda: _steps(ledger, counter))
        assert [key async for key in runtime.valkey.scan_iter("berth:worker:*")] == [
            f"berth:worker:{child.pid}".encode()
        ]
        asked = time.monotonic()
        child.terminate()
        assert await asyncio.to_thread(child.wait, 15) == 0
        assert time.monotonic() - asked < 10
    assert [key async for key in runtime.valkey.scan_iter("berth:worker:*")] == []
    assert await ledger.rows("SELECT 1 FROM shared.outbox_leases WHERE owner IS NOT NULL") == []
    rows = await ledger.rows("SELECT attempts FROM shared.outbox_events WHERE attempts > 0")
    assert rows == []


async def _steps(ledger: Ledger, counter: object) -> bool:
    return await ledger.steps("probe.recorder", counter) == [1, 2]  # type: ignore[arg-type]


@pytest.mark.slow
async def test_a_job_whose_worker_was_killed_runs_again_long_before_its_timeout(
    runtime: Runtime, ledger: Ledger
) -> None:
    await enqueue(runtime, "probe.forever", "forever")
    async with process(runtime, "worker"):
        await until(lambda: noted(ledger, "forever"), 30)
        await asyncio.sleep(2.5)  # outlasts its heartbeat: it lives, so it is not taken away
        assert not await noted(ledger, "forever", 2)
    async with process(runtime, "worker"):
        await until(lambda: noted(ledger, "forever", 2), 40)


async def test_a_tick_runs_once_in_a_fleet_of_two(runtime: Runtime, ledger: Ledger) -> None:
    async with process(runtime, "worker"), process(runtime, "worker"):
        await until(lambda: noted(ledger, "cron", 1), 30)
        before = len(await ledger.rows("SELECT 1 FROM public.effects WHERE consumer = 'cron'"))
        started = time.monotonic()
        await until(lambda: noted(ledger, "cron", before + 4))
        took = time.monotonic() - started
    ticks = len(await ledger.rows("SELECT 1 FROM public.effects WHERE consumer = 'cron'")) - before
    assert ticks <= took + 2


async def test_a_job_that_nobody_knows_fails_and_says_so(runtime: Runtime, ledger: Ledger) -> None:
    from workers.senders import JobSender

    await enqueue(runtime, "probe.unknown", "x")
    relay = Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (JobSender([], {}),))
    async with running(relay):
        await until(lambda: _failed(ledger))
    rows = await ledger.rows("SELECT attempts, last_error FROM shared.outbox_events")
    assert rows == [(1, "Unusable: no job is called probe.unknown")]


async def _failed(ledger: Ledger) -> bool:
    return bool(await ledger.rows("SELECT 1 FROM shared.outbox_events WHERE attempts > 0"))


async def call(runtime: Runtime, verb: str, workflow_id: str, step: int = 1) -> None:
    argument: dict[str, object] = {"name": workflow_id, "step": step, "correlation_id": "story-of-a-click"}
    request = WorkflowCall(
        verb=verb,  # type: ignore[arg-type]  # one of the three
        workflow_id=workflow_id,
        workflow="ProbeWorkflow",
        signal="go",
        argument=argument if verb == "start" else None,
    )
    async with runtime.context(SYSTEM, Trace("story-of-a-click")) as ctx:
        await ctx.call_workflow(
            request, aggregate_id=uuid5(NAMESPACE_URL, workflow_id)
        )  # calls to one keep their order


async def test_workflow_rows_start_signal_and_cancel_and_repeating_them_changes_nothing(
    runtime: Runtime, ledger: Ledger, temporal_server: Temporal
) -> None:
    settings = TemporalSettings(temporal_server.url)
    relay = Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (WorkflowSender(settings),))
    client = await Client.connect(temporal_server.url)
    name, other = f"probe/{uuid4()}", f"probe/{uuid4()}"
    async with process(runtime, "provisioner", temporal_server.url) as child, running(relay):
        await call(runtime, "start", name)
        await call(runtime, "start", name, step=99)
        await until(lambda: noted(ledger, f"{name}:story-of-a-click"), 30)
        await until(ledger.relayed)
        await call(runtime, "signal", name)
        assert await client.get_workflow_handle(name).result() == 1
        for verb in ("signal", "cancel"):
            await call(runtime, verb, name)  # ended
            await call(runtime, verb, "probe/never-was")
        await call(runtime, "start", name)  # ended well: not again
        await call(runtime, "start", other)
        await until(ledger.relayed)
        await call(runtime, "cancel", other)
        await until(ledger.relayed)
        assert [key async for key in runtime.valkey.scan_iter("berth:provisioner:*")]
        child.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(child.wait, 12) == 0
    assert await ledger.rows("SELECT 1 FROM shared.outbox_events WHERE attempts > 0") == []
    assert len(await ledger.rows("SELECT 1 FROM public.effects WHERE consumer LIKE %(name)s", name=name + "%")) == 1


async def test_a_temporal_that_is_down_stops_no_event_and_costs_no_attempt(runtime: Runtime, ledger: Ledger) -> None:
    nowhere = TemporalSettings("127.0.0.1:1")
    events = event_senders(runtime.settings.nats_url)
    relay = Relay(runtime.settings.database.url, runtime.valkey, lambda pool: (*events(pool), WorkflowSender(nowhere)))
    counter = uuid4()
    await call(runtime, "start", "probe/later")
    async with running(relay):
        await move(runtime, counter, 1, 2, 3)
        await until(lambda: _only_workflows(ledger))
        await asyncio.sleep(0.5)  # outlasts a round of the relay
    assert await ledger.rows("SELECT kind, attempts FROM shared.outbox_events WHERE published_at IS NULL") == [
        ("workflow", 0)
    ]


async def _only_workflows(ledger: Ledger) -> bool:
    return await ledger.pending() == 1
