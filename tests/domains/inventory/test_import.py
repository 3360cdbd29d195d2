"""The import against the simulated MAAS on a real socket, and what it does with what it is shown."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from app.domains.inventory import public
from app.domains.inventory.contracts import Gpu
from app.domains.inventory.jobs import run_import
from app.domains.inventory.repository.capacity import CapacityRepository
from app.domains.inventory.repository.skus import SkuRepository
from app.domains.inventory.service.import_nodes import VANISHED, ImportReport, Sighting, import_nodes, record
from app.domains.maas.contracts import MachineStatus
from app.domains.maas.public import MaasGateway
from app.settings import MaasSettings
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import new_id
from app.shared.records import Unread
from devstack import seed
from tests.domains.inventory.stock import candidates, facts, machine, node_ids, plant, see, see_machines
from tests.fixtures.clock import FakeClock
from tests.simulators.maas_world import OUR_KEY, World, served_region

OpenContext = Any
COUNTS = text("""
    SELECT (SELECT count(*) FROM inventory.sku_catalog), (SELECT count(*) FROM inventory.sku_prices),
           (SELECT count(*) FROM inventory.os_images), (SELECT count(*) FROM inventory.nodes)
""")


@asynccontextmanager
async def maas(runtime: Runtime, data_dir: Path, **options: Any) -> AsyncIterator[tuple[World, MaasGateway]]:
    """A region on a socket, and a client of it; the runtime's settings name it too."""
    async with served_region(data_dir, **options) as world:
        settings = MaasSettings(url=world.url, api_key=OUR_KEY)
        runtime.settings = msgspec.structs.replace(runtime.settings, maas=settings)
        async with MaasGateway(world.url, OUR_KEY) as gateway:
            yield world, gateway
        await runtime.close_parts()  # the next region is another one


async def bring_in(runtime: Runtime, gateway: MaasGateway) -> ImportReport:
    return await import_nodes(lambda: runtime.context(SYSTEM), gateway, "berth")


async def outbox(runtime: Runtime) -> list[str]:
    async with runtime.context(SYSTEM) as ctx:
        rows = await ctx.session.execute(text("SELECT name FROM shared.outbox_events WHERE kind = 'event'"))
        return [row.name for row in rows]


# -- against the simulator -----------------------------------------------------------------------------------------


async def test_24_machines_become_nodes_of_four_types_once(
    runtime: Runtime, tmp_path: Path, open_context: OpenContext
) -> None:
    await plant(runtime)
    async with maas(runtime, tmp_path / "maas") as (_, gateway):
        assert await bring_in(runtime, gateway) == ImportReport(seen=24, added=24)
        assert await bring_in(runtime, gateway) == ImportReport(seen=24)
    async with open_context() as ctx:
        free = await CapacityRepository(ctx.session).list_availability()
        by_code = {sku.code: free[sku.id] for sku in await SkuRepository(ctx.session).list_skus()}
        nodes = [await public.get_node(ctx, node_id) for node_id in await node_ids(runtime)]
    assert {code: (item.total, item.free_whole, item.free_slots) for code, item in by_code.items()} == {
        "h100x8": (6, 6, 48),
        "a100x8": (8, 8, 64),
        "l40sx4": (6, 6, 24),
        "cpu": (4, 4, 0),
    }
    assert {node.hostname for node in nodes}.isdisjoint({"lab-01", "lab-02"}), "foreign machines came in"
    first = next(node for node in nodes if node.hostname == "node-01")
    assert first.zone == "zone-1" and first.memory_gib == 2048 and first.disks[0].label == "8 × 3.84 TB"
    assert first.slots[7].gpu == Gpu("10de", "2330", "GH100 [H100 SXM5 80GB]", "0000:80:00.0")


async def test_the_second_import_asks_for_the_list_and_nothing_else(runtime: Runtime, tmp_path: Path) -> None:
    await plant(runtime)
    async with maas(runtime, tmp_path / "maas") as (_, gateway):
        await bring_in(runtime, gateway)
        asked: list[str] = []
        read = gateway.gpu_devices

        async def counted(system_id: Any) -> Any:
            asked.append(system_id)
            return await read(system_id)

        gateway.gpu_devices = counted  # type: ignore[method-assign]
        await bring_in(runtime, gateway)
    assert asked == []


async def test_the_job_reads_the_pool_of_the_settings_and_outlives_a_dead_controller(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(seconds: float) -> None:
        """No waiting between the tries."""

    def impatient(runtime: Runtime) -> MaasGateway:
        return MaasGateway(runtime.settings.maas.url, runtime.settings.maas.api_key, sleep=at_once)

    await plant(runtime)
    async with maas(runtime, tmp_path / "maas"):
        await run_import(runtime, {})
    monkeypatch.setattr("app.domains.inventory.jobs.gateway_of", impatient)
    await run_import(runtime, {})
    assert len(await node_ids(runtime)) == 24
    names = await outbox(runtime)
    assert names.count("berth.v1.inventory.node.imported") == 24 == names.count("berth.v1.inventory.slots.changed")


async def test_the_seed_stocks_the_hall_and_repeats_without_a_change(runtime: Runtime, tmp_path: Path) -> None:
    async with maas(runtime, tmp_path / "maas"):
        for _ in range(2):
            assert await seed.stock(runtime.settings, lambda: runtime.context(SYSTEM)) == 24
            async with runtime.context(SYSTEM) as ctx:
                assert tuple((await ctx.session.execute(COUNTS)).one()) == (4, 4, 3, 24)


async def test_500_machines_come_in_within_seconds_and_stay_fresh_in_less(runtime: Runtime, tmp_path: Path) -> None:
    await plant(runtime)
    async with maas(runtime, tmp_path / "maas", fleet=500) as (_, gateway):
        begun = time.perf_counter()
        assert await bring_in(runtime, gateway) == ImportReport(seen=500, added=500)
        first = time.perf_counter() - begun
        assert await bring_in(runtime, gateway) == ImportReport(seen=500)
        again = time.perf_counter() - begun - first
    # Generous: the simulator shares these cores. Alone, the first takes some 3 s and the second under one.
    assert first < 20 and again < 8, (first, again)


# -- what it does with what it sees --------------------------------------------------------------------------------


async def test_a_machine_whose_hardware_fits_no_type_is_kept_with_the_reason(
    runtime: Runtime, open_context: OpenContext
) -> None:
    await plant(runtime)
    report = await see_machines(runtime, [machine(1)], {"m00001": facts("h100x8", 7)})
    assert report == ImportReport(seen=1, added=1, unmatched=1)
    (node_id,) = await node_ids(runtime)
    async with open_context() as ctx:
        node = await public.get_node(ctx, node_id)
        assert (node.sku_id, node.sku_problem) == (None, "7 × 10de:2330 found; h100x8 has 8")
        assert await CapacityRepository(ctx.session).list_availability() == {}
    repaired = msgspec.structs.replace(machine(1), disks=machine(1).disks[1:])
    await see_machines(runtime, [repaired], {"m00001": facts("h100x8")})
    async with open_context() as ctx:
        node = await public.get_node(ctx, node_id)
        assert (node.sku_code, node.sku_problem, len(node.slots)) == ("h100x8", None, 8)


async def test_types_that_come_after_the_machines_are_matched_at_the_next_import(
    runtime: Runtime, open_context: OpenContext
) -> None:
    await see(runtime, ("cpu",))
    await plant(runtime)
    assert (await see_machines(runtime, [machine(1, "cpu")], {})).changed == 1
    async with open_context() as ctx:
        assert (await public.get_node(ctx, (await node_ids(runtime))[0])).sku_code == "cpu"


async def test_a_vanished_machine_is_missing_keeps_its_tenant_and_comes_back(
    runtime: Runtime, open_context: OpenContext
) -> None:
    await plant(runtime)
    await see(runtime, ("cpu", "cpu"))
    first, second = await node_ids(runtime)
    allocation = new_id()
    async with open_context() as ctx:
        await public.claim_slots(ctx, first, [0], allocation)
        await public.quarantine(ctx, second, "no answer on SSH")
    assert await see_machines(runtime, [], {}) == ImportReport(missing=2)
    assert await see_machines(runtime, [], {}) == ImportReport()
    async with open_context() as ctx:
        gone, looked_at = await public.get_node(ctx, first), await public.get_node(ctx, second)
    assert (gone.state, gone.state_reason, gone.slots[0].allocation_id) == ("missing", VANISHED, allocation)
    assert (looked_at.state, looked_at.maas_state) == ("quarantined", "missing")
    await see_machines(runtime, [machine(1, "cpu"), machine(2, "cpu")], {})
    async with open_context() as ctx:
        back, looked_at = await public.get_node(ctx, first), await public.get_node(ctx, second)
    assert (back.state, back.state_reason, back.maas_state) == ("ready", None, "ready")
    assert (looked_at.state, looked_at.state_reason) == ("quarantined", "no answer on SSH")


async def test_a_machine_rebuilt_under_its_tenant_keeps_its_slots_until_nobody_is_on_it(
    runtime: Runtime, open_context: OpenContext
) -> None:
    await plant(runtime)
    await see(runtime, ("l40sx4",))
    (node_id,) = await node_ids(runtime)
    allocation = new_id()
    async with open_context() as ctx:
        await public.claim_slots(ctx, node_id, [3], allocation)
    rebuilt = msgspec.structs.replace(machine(1, "l40sx4"), memory_mib=1024 * 1024)
    await see_machines(runtime, [rebuilt], {"m00001": facts("l40sx4", 3)})
    async with open_context() as ctx:
        node = await public.get_node(ctx, node_id)
        assert (node.sku_id, len(node.slots), node.slots[3].allocation_id) == (None, 4, allocation)
        await public.free_slots(ctx, allocation)
    await see_machines(runtime, [rebuilt], {"m00001": facts("l40sx4", 3)})
    async with open_context() as ctx:
        node = await public.get_node(ctx, node_id)
    assert len(node.slots) == 3 and node.sku_problem == "3 × 10de:26b9 found; l40sx4 has 4"


async def test_what_provisioning_saw_while_maas_was_read_is_newer_and_stays(
    runtime: Runtime, clock: FakeClock, open_context: OpenContext
) -> None:
    runtime.clock = clock
    await plant(runtime)
    await see(runtime, ("cpu",))
    (node_id,) = await node_ids(runtime)
    clock.advance(30)
    old = Sighting(clock.instant, (machine(1, "cpu", MachineStatus.DEPLOYED),), {})
    clock.advance(1)
    async with open_context() as ctx:
        await public.observe_node(ctx, node_id, "ready", None)
    assert (await record(open_context, old)).changed == 0
    async with open_context() as ctx:
        assert (await public.get_node(ctx, node_id)).maas_state == "ready"
        assert len(await candidates(ctx, (await SkuRepository(ctx.session).list_skus())[-1].id)) == 1


async def test_a_machine_that_cannot_be_inspected_waits_for_the_next_import_and_holds_up_nobody(
    runtime: Runtime, open_context: OpenContext
) -> None:
    await plant(runtime)
    async with open_context() as ctx:
        now = await ctx.now()
    shown = (machine(1, "cpu"), machine(2, "h100x8"))
    report = await record(open_context, Sighting(now, shown, {"m00001": ()}, frozenset({"m00002"})))
    assert report == ImportReport(seen=2, added=1)


@pytest.mark.commits
async def test_two_imports_at_once_add_each_machine_once(runtime: Runtime) -> None:
    await plant(runtime)
    shown = ("h100x8", "a100x8", "l40sx4", "cpu") * 3
    reports = await asyncio.gather(*(see(runtime, shown) for _ in range(4)))
    assert sum(report.added for report in reports) == 12
    assert len(await node_ids(runtime)) == 12


async def test_one_machine_that_cannot_be_written_spoils_no_import(runtime: Runtime) -> None:
    await plant(runtime)
    shown = [machine(number, "cpu") for number in range(1, 71)]
    shown[3] = msgspec.structs.replace(shown[3], hostname="\x00")  # PostgreSQL keeps no NUL
    report = await see_machines(runtime, shown, {item.system_id: () for item in shown})
    assert (report.seen, report.added) == (70, 69)
    report = await see_machines(runtime, shown[:2], {})
    assert report.missing == 67


@pytest.mark.parametrize(("about", "missing"), [("m00002", 1), ("", 0)])
async def test_a_machine_that_cannot_be_read_is_not_missing(about: str, missing: int, runtime: Runtime) -> None:
    await plant(runtime)
    await see(runtime, ("cpu", "cpu", "cpu"))
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
    shown = Sighting(now, (machine(1, "cpu"),), {}, unread=(Unread(about, "Expected `int`, got `null`"),))
    report = await record(lambda: runtime.context(SYSTEM), shown)
    assert (report.missing, report.unreadable) == (missing, 1)  # of a nameless one nobody knows which it is
