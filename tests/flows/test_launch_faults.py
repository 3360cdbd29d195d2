"""Whatever goes wrong at whichever step: nothing is held, nothing is charged, the machine is Ready again.

Every activity fails after its effect, meets a cancellation, or loses its process; real Temporal, MAAS and nodes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from app.domains.provisioning.activities import activities
from app.domains.provisioning.errors import NotCancelable
from app.domains.provisioning.service.release import CancelAllocation, cancel
from app.domains.provisioning.workflows import ProvisionAllocation, ReleaseAllocation
from tests.domains.provisioning.crash import Interference, fail_for_good, fail_once
from tests.domains.provisioning.world import USD, World, provisioner, small_cloud

pytestmark = [pytest.mark.commits, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
WAY_IN = ["begin", "place", "deploy", "configure", "probe", "activate"]
WAY_BACK = ["vacate", "give_back", "end"]
CREDIT = 1_000 * USD


@asynccontextmanager
async def stage(world: World, address: str, interference: Interference) -> AsyncIterator[None]:
    """A provisioner in this process with something in its way."""
    await connect(world, address)
    assert world.client is not None
    async with Worker(
        world.client,
        task_queue=world.runtime.settings.temporal.task_queue,
        workflows=[ProvisionAllocation, ReleaseAllocation],
        activities=activities(world.runtime),
        interceptors=[interference],
        max_heartbeat_throttle_interval=timedelta(milliseconds=200),
        default_heartbeat_throttle_interval=timedelta(milliseconds=200),
    ):
        yield


async def connect(world: World, address: str) -> None:
    temporal = msgspec.structs.replace(
        world.runtime.settings.temporal, address=address, task_queue=f"test-{uuid4().hex[:8]}"
    )
    world.runtime.settings = msgspec.structs.replace(world.runtime.settings, temporal=temporal)
    world.client = await Client.connect(address)


async def ask_cancel(world: World, allocation_id: UUID) -> bool:
    """Whether the cancellation was accepted."""
    try:
        async with world.runtime.context(world.actor()) as ctx:
            await cancel(ctx, CancelAllocation(allocation_id=allocation_id))
    except NotCancelable:
        return False
    await world.drain()
    return True


async def ended(world: World, allocation_id: UUID) -> str:
    async with asyncio.timeout(60):
        while True:
            found = await world.get(allocation_id)
            if found.ended_at is not None:
                return found.state
            await asyncio.sleep(0.05)


async def check_clean(world: World) -> None:
    counts = await world.counts()
    assert counts == {"claims": 0, "slots": 0, "deployments": 0, "held": 0, "available": CREDIT, "burn": 0}
    assert set((await world.machines()).values()) == {"READY"}


@pytest.mark.parametrize("gpus", [None, 2], ids=["whole", "slots"])
@pytest.mark.parametrize("step", WAY_IN)
async def test_a_step_that_fails_after_its_effect_is_undone(runtime, temporal_server, tmp_path, step, gpus) -> None:
    async with small_cloud(runtime, tmp_path, speed=100.0) as world:
        await world.stock()
        broken = Interference(step, before=fail_for_good if step == "activate" else None, after=fail_for_good)
        async with stage(world, temporal_server.url, broken):
            launched = await world.launch("l40sx4", gpus=gpus)
            assert await ended(world, launched.allocation_id) == "failed"
        assert (await world.get(launched.allocation_id)).failure_text == "It broke on purpose."
        await check_clean(world)


@pytest.mark.parametrize("step", WAY_IN)
async def test_a_cancellation_at_any_step_is_undone(runtime, temporal_server, tmp_path, step) -> None:
    async with small_cloud(runtime, tmp_path, speed=100.0) as world:
        await world.stock()
        known: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        asked = asyncio.Event()

        async def meanwhile() -> None:
            assert await ask_cancel(world, await known)
            asked.set()

        async with stage(world, temporal_server.url, Interference(step, before=meanwhile)):
            launched = await world.launch("l40sx4")
            known.set_result(launched.allocation_id)
            assert await ended(world, launched.allocation_id) == "canceled"
        assert asked.is_set()
        await check_clean(world)


@pytest.mark.parametrize("step", WAY_BACK)
async def test_a_way_back_that_stumbles_is_walked_to_its_end(runtime, temporal_server, tmp_path, step) -> None:
    async with small_cloud(runtime, tmp_path, speed=100.0) as world:
        await world.stock()
        await world.fault("gpu_missing", count=None)
        await world.policies(**{"provisioning.place_attempts": 1})
        async with stage(world, temporal_server.url, Interference(step, after=fail_once)):
            launched = await world.launch("l40sx4")
            assert await ended(world, launched.allocation_id) == "failed"
        await check_clean(world)
        assert list((await world.nodes()).values()).count("quarantined") == 1


@pytest.mark.parametrize("step", [*WAY_IN, *WAY_BACK])
async def test_a_provisioner_that_dies_leaves_nothing_behind(runtime, temporal_server, tmp_path, step) -> None:
    async with small_cloud(runtime, tmp_path, speed=20.0) as world:
        await world.stock()
        await connect(world, temporal_server.url)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.domains.provisioning.crash", cwd=ROOT, env=environment(world, step)
        )
        try:
            launched = await world.launch("l40sx4")
            if step in WAY_BACK:
                await world.until(launched.allocation_id, "provisioning")
                assert await ask_cancel(world, launched.allocation_id)
            assert await asyncio.wait_for(child.wait(), 60) == 137
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        accepted = step in WAY_BACK or await ask_cancel(world, launched.allocation_id)
        queue = world.runtime.settings.temporal.task_queue
        async with provisioner(world, temporal_server.url, queue=queue):
            if not accepted:  # it had become active with its last breath: then it is given back, and billed
                await world.until(launched.allocation_id, "active")
                await world.release(launched.allocation_id)
            assert await ended(world, launched.allocation_id) == ("canceled" if accepted else "released")
        assert accepted == (step != "activate")
        if accepted:
            await check_clean(world)
        else:
            counts = await world.counts()
            assert (counts["claims"], counts["slots"], counts["deployments"], counts["held"]) == (0, 0, 0, 0)


def environment(world: World, step: str) -> dict[str, str]:
    """What the dying provisioner gets: the same services as the test."""
    settings = world.runtime.settings
    return {
        "PATH": os.environ["PATH"],
        "CRASH_AT": step,
        "BERTH_ENV": "development",
        "BERTH_PUBLIC_URL": settings.web.public_url,
        "BERTH_SECRET_KEY": settings.web.secret_key,
        "BERTH_DATABASE_URL": settings.database.url,
        "BERTH_VALKEY_URL": settings.valkey_url,
        "BERTH_NATS_URL": settings.nats_url,
        "BERTH_TEMPORAL_ADDRESS": settings.temporal.address,
        "BERTH_TEMPORAL_TASK_QUEUE": settings.temporal.task_queue,
        "BERTH_S3_URL": settings.s3.url,
        "BERTH_S3_ACCESS_KEY": settings.s3.access_key,
        "BERTH_S3_SECRET_KEY": settings.s3.secret_key,
        "BERTH_MAAS_URL": settings.maas.url,
        "BERTH_MAAS_API_KEY": settings.maas.api_key,
        "BERTH_NODE_SSH_PORT": str(settings.maas.node_ssh_port),
        "BERTH_STRIPE_SECRET_KEY": settings.stripe.secret_key,
        "BERTH_STRIPE_WEBHOOK_SECRET": settings.stripe.webhook_secret,
        "BERTH_OIDC_ISSUER": settings.oidc.issuer,
        "BERTH_OIDC_CLIENT_SECRET": settings.oidc.client_secret,
        "BERTH_PKI_DIR": str(settings.pki_dir),
    }


@pytest.mark.parametrize(
    ("fault", "spec"),
    [("deploy_fails", {}), ("ssh_never_answers", {}), ("gpu_missing", {})],
    ids=lambda item: str(item),
)
async def test_a_bad_machine_is_held_and_the_next_one_works(runtime, temporal_server, tmp_path, fault, spec) -> None:
    async with small_cloud(runtime, tmp_path, speed=100.0) as world:
        await world.stock()
        await world.fault(fault, count=1, **spec)
        async with provisioner(world, temporal_server.url):
            launched = await world.launch("l40sx4")
            active = await world.until(launched.allocation_id, "active")
            assert active.attempt == 2
            states = await world.nodes()
            assert list(states.values()).count("quarantined") == 1
            bad = next(name for name, state in states.items() if state == "quarantined")
            assert (await world.machines())[bad] == "READY"
            await world.release(active.id)
            await world.until(active.id, "released")
        counts = await world.counts()
        assert (counts["claims"], counts["slots"], counts["deployments"], counts["held"]) == (0, 0, 0, 0)


async def test_two_slices_share_a_machine_and_the_last_one_gives_it_back(runtime, temporal_server, tmp_path) -> None:
    async with small_cloud(runtime, tmp_path, speed=100.0) as world:
        await world.stock()
        async with provisioner(world, temporal_server.url):
            first, second = await world.launch("l40sx4", gpus=1), await world.launch("l40sx4", gpus=2)
            one = await world.until(first.allocation_id, "active")
            two = await world.until(second.allocation_id, "active")
            assert one.node_id == two.node_id
            assert (one.login, two.login) == ("ada", "ada-2")
            assert (await world.counts())["slots"] == 3
            await world.release(one.id)
            await world.until(one.id, "released")
            assert (await world.counts())["slots"] == 2
            assert list((await world.machines()).values()).count("DEPLOYED") == 1
            await world.release(two.id)
            await world.until(two.id, "released")
        counts = await world.counts()
        assert (counts["claims"], counts["slots"], counts["deployments"], counts["held"]) == (0, 0, 0, 0)
        assert set((await world.machines()).values()) == {"READY"}


async def test_a_release_finishes_when_the_host_is_dead(runtime, temporal_server, tmp_path) -> None:
    async with small_cloud(runtime, tmp_path, speed=100.0) as world:
        await world.stock()
        async with provisioner(world, temporal_server.url):
            launched = await world.launch("l40sx4")
            active = await world.until(launched.allocation_id, "active")
            held = world.bench.http("GET", "/machines")[1]
            assert active.deployment_id is not None
            assert b"system_id" in held or b"hostname" in held
            for name in msgspec.json.decode(held)["machines"]:
                world.bench.http("DELETE", f"/machines/{name['system_id'] if isinstance(name, dict) else name}")
            await world.release(active.id)
            await world.until(active.id, "released")
        assert set((await world.machines()).values()) == {"READY"}


async def test_a_machine_of_somebody_else_is_never_touched(runtime, temporal_server, tmp_path) -> None:
    """Somebody takes the machine in MAAS after we chose it: our launch goes elsewhere, their machine stays as it is."""
    from app.domains.maas.contracts import SystemId
    from app.domains.maas.public import gateway_of

    async with small_cloud(runtime, tmp_path, speed=100.0) as world:
        await world.stock()
        taken: list[str] = []

        async def take() -> None:
            gateway = gateway_of(world.runtime)
            machines = await gateway.list_machines(pool="berth")
            first = min((m for m in machines if m.cpu_count == 64), key=lambda machine: machine.hostname)
            taken.append(first.system_id)
            await gateway.allocate(SystemId(first.system_id), agent_name="somebody-else")

        async with stage(world, temporal_server.url, Interference("deploy", before=take)):
            launched = await world.launch("l40sx4")
            active = await world.until(launched.allocation_id, "active")
            assert active.attempt == 2
            gateway = gateway_of(world.runtime)
            [theirs] = await gateway.list_machines(ids=[SystemId(taken[0])], agent_name="somebody-else")
            assert theirs.status.name == "ALLOCATED"
