"""The client against the simulated MAAS: reading, changing, and what remains true when answers get lost."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from app.domains.maas.contracts import MachineStatus, SystemId
from app.domains.maas.errors import (
    MaasAuthFailed,
    MaasClockSkew,
    MaasConflict,
    MaasNotFound,
    MaasOutcomeUnknown,
    MaasRefused,
    MaasUnavailable,
    NoMachineAvailable,
)
from app.domains.maas.gateway import MaasGateway, Timeouts
from tests.simulators.maas_world import ADMIN_KEY, OUR_KEY, World, nodes_process, region, served_region

QUICK = Timeouts(connect=2, read=2, write=0.3, overall_read=5, overall_write=5)


class Waits:
    """Stands in for sleeping: remembers how long was asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


@asynccontextmanager
async def client(maas: World, api_key: str = OUR_KEY, **options: object) -> AsyncIterator[MaasGateway]:
    """A gateway on the same wire as the test's own client."""
    options = {"transport": maas.client._transport, "sleep": Waits()} | options
    yield MaasGateway(maas.url, api_key, **options)  # type: ignore[arg-type]


@pytest.fixture
async def maas(tmp_path: Path) -> AsyncIterator[World]:
    async with region(tmp_path) as world:
        yield world


@pytest.fixture
async def gateway(maas: World) -> AsyncIterator[MaasGateway]:
    async with client(maas) as made:
        yield made


async def id_of(maas: World, hostname: str) -> SystemId:
    return SystemId((await maas.admin.machine(hostname))["system_id"])


async def test_whoami_and_version(gateway: MaasGateway) -> None:
    assert ((await gateway.whoami()).username, (await gateway.whoami()).is_superuser) == ("berth", False)
    version = await gateway.version()
    assert (version.version, "authenticate-api" in version.capabilities) == ("3.7.3", True)


async def test_machines_of_a_pool_are_read_whole(gateway: MaasGateway) -> None:
    machines = await gateway.list_machines(pool="berth")
    assert [machine.hostname for machine in machines] == [f"node-{n:02}" for n in range(1, 25)]
    first = machines[0]
    assert (first.status, first.owner, first.pool, first.zone) == (MachineStatus.READY, None, "berth", "zone-1")
    assert (first.cpu_count, first.memory_mib, first.tags) == (192, 2048 * 1024, ("h100x8", "gpu"))
    assert (len(first.disks), first.disks[0].size_bytes, first.architecture) == (8, 3840755982336, "amd64/generic")


async def test_many_machines_come_in_one_call_and_no_ids_ask_nothing(maas: World) -> None:
    seen: list[str] = []
    inner = maas.client._transport

    class Counting(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            seen.append(str(request.url))
            return await inner.handle_async_request(request)

    ids = [SystemId(item["system_id"]) for item in (await maas.us.machines(pool="berth"))[:9]]
    async with client(maas, transport=Counting()) as gateway:
        found = await gateway.list_machines(ids=[*ids, SystemId("zzzzzz")])
        assert [machine.system_id for machine in found] == ids
        assert await gateway.list_machines(ids=[]) == []
    assert len(seen) == 1


async def test_gpus_are_read_and_other_devices_are_not(gateway: MaasGateway, maas: World) -> None:
    gpus = await gateway.gpu_devices(await id_of(maas, "node-01"))
    assert [(gpu.vendor_id, gpu.product_id) for gpu in gpus] == [("10de", "2330")] * 8
    assert gpus[0].pci_address == "0000:10:00.0"
    assert await gateway.gpu_devices(await id_of(maas, "node-24")) == []


async def test_a_whole_life(tmp_path: Path) -> None:
    async with nodes_process() as (nodes, url), region(tmp_path, nodes_url=url) as maas, client(maas) as gateway:
        system_id = await id_of(maas, "node-07")
        allocated = await gateway.allocate(system_id, agent_name="berth-7", comment="allocation 7")
        assert (allocated.status, allocated.owner) == (MachineStatus.ALLOCATED, "berth")
        text = '#cloud-config\n{"hostname": "ü"}'
        deploying = await gateway.deploy(system_id, user_data=text, distro_series="custom/ml-noble", comment="c")
        assert (deploying.status, deploying.osystem) == (MachineStatus.DEPLOYING, "custom")
        await maas.us.until(system_id, "Deployed")
        assert nodes.held[system_id]["user_data"] == text
        assert (await gateway.get_machine(system_id)).ip_addresses[0].startswith("127.")
        assert await gateway.power_state(system_id) == "on"
        events = await gateway.events(ids=[system_id])
        assert [event.type for event in events][-2:] == ["Image Deployed", "Deployed"]
        assert events[-1].created is not None
        assert await gateway.events(ids=[system_id], after=events[-2].id) == events[-1:]
        releasing = await gateway.release(system_id, erase=True, comment="over")
        assert releasing is not None
        assert releasing.status == MachineStatus.DISK_ERASING
        await maas.us.until(system_id, "Ready")


async def test_erase_false_is_really_false(gateway: MaasGateway, maas: World) -> None:
    node = await maas.us.deployed("node-01")
    released = await gateway.release(SystemId(node["system_id"]), erase=False)
    assert released is not None
    assert released.status == MachineStatus.RELEASING


async def test_allocating_again_with_the_same_mark_finds_what_we_have(gateway: MaasGateway, maas: World) -> None:
    system_id = await id_of(maas, "node-01")
    first = await gateway.allocate(system_id, agent_name="berth-1")
    assert await gateway.allocate(system_id, agent_name="berth-1") == first
    with pytest.raises(NoMachineAvailable):
        await gateway.allocate(system_id, agent_name="berth-2")


async def test_states_that_do_not_allow_it_are_conflicts(gateway: MaasGateway, maas: World) -> None:
    node = await maas.us.deployed("node-01")
    with pytest.raises(MaasConflict) as caught:
        await gateway.deploy(SystemId(node["system_id"]), user_data=b"", distro_series="noble")
    assert caught.value.answer == "Can't deploy a machine that is in the 'Deployed' state"
    with pytest.raises(MaasConflict):
        await gateway.abort(SystemId(node["system_id"]))


async def test_unknown_and_foreign_and_locked_machines(gateway: MaasGateway, maas: World) -> None:
    with pytest.raises(MaasNotFound):
        await gateway.get_machine(SystemId("zzzzzz"))
    with pytest.raises(MaasNotFound):
        await gateway.get_machine(SystemId("../users"))
    with pytest.raises(MaasNotFound):
        await gateway.release(SystemId("zzzzzz"), erase=False)
    with pytest.raises(MaasRefused):
        await gateway.get_machine(await id_of(maas, "lab-01"))
    node = await maas.us.deployed("node-01")
    await maas.us.post(f"machines/{node['system_id']}/", "lock")
    with pytest.raises(MaasRefused):
        await gateway.release(SystemId(node["system_id"]), erase=False)


async def test_broken_machines_are_marked_by_their_owner_and_fixed_by_an_administrator(maas: World) -> None:
    async with client(maas) as ours, client(maas, ADMIN_KEY) as admin:
        system_id = await id_of(maas, "node-01")
        await ours.allocate(system_id, agent_name="a")
        broken = await ours.mark_broken(system_id, comment="GPU 3 is missing")
        assert (broken.status, broken.error_description) == (MachineStatus.BROKEN, "GPU 3 is missing")
        with pytest.raises(MaasRefused):
            await ours.mark_fixed(system_id)
        assert (await admin.mark_fixed(system_id)).status == MachineStatus.READY
        assert (await admin.commission(system_id)).status == MachineStatus.COMMISSIONING
        assert (await admin.abort(system_id)).status == MachineStatus.NEW


@pytest.mark.parametrize("position", [0, 1, 2])
async def test_a_wrong_key_is_told_without_a_word_of_the_answer(maas: World, position: int) -> None:
    parts = OUR_KEY.split(":")
    parts[position] = "wrongwrongwrong"
    async with client(maas, ":".join(parts)) as gateway:
        with pytest.raises(MaasAuthFailed) as caught:
            await gateway.whoami()
    shown = f"{caught.value!r} {caught.value.details} {caught.value.answer} {caught.value.__cause__!r}"
    assert "ecret0000" not in shown
    assert caught.value.answer == ""


async def test_a_clock_that_is_wrong_has_an_error_of_its_own(maas: World) -> None:
    async with client(maas, now=lambda: 1_700_000_000.0) as gateway:
        with pytest.raises(MaasClockSkew):
            await gateway.whoami()


async def test_a_lost_database_race_is_repeated_after_the_time_it_names(maas: World) -> None:
    await maas.fault("conflict_409", op="allocate", count=2)
    waits = Waits()
    async with client(maas, sleep=waits) as gateway:
        await gateway.allocate(await id_of(maas, "node-01"), agent_name="a")
    assert len(waits.asked) == 2
    assert min(waits.asked) >= 5


async def test_reads_are_repeated_after_a_500_and_give_up_in_the_end(maas: World) -> None:
    async with client(maas) as gateway:
        await maas.fault("http_500", op="read", count=3)
        assert len(await gateway.list_machines(pool="other")) == 1
        await maas.fault("http_500", op="read", count=None)
        with pytest.raises(MaasUnavailable) as caught:
            await gateway.list_machines()
    assert caught.value.retryable


@pytest.mark.parametrize("effect", ["done", "none"])
async def test_a_500_on_a_change_is_read_back_and_never_sent_twice(maas: World, effect: str) -> None:
    async with client(maas) as gateway:
        system_id = await id_of(maas, "node-01")
        steps = {
            "allocate": lambda: gateway.allocate(system_id, agent_name="berth-1"),
            "deploy": lambda: gateway.deploy(system_id, user_data="x", distro_series="noble"),
            "release": lambda: gateway.release(system_id, erase=True),
        }
        for op, step in steps.items():
            await maas.fault("http_500", op=op, effect=effect, count=1)
            if effect == "none":
                with pytest.raises(MaasUnavailable) as caught:
                    await step()
                assert not isinstance(caught.value, MaasOutcomeUnknown)
            await step()
        assert (await gateway.get_machine(system_id)).status in (MachineStatus.DISK_ERASING, MachineStatus.RELEASING)
        deploys = [event for event in await gateway.events(ids=[system_id]) if event.type == "Deploying"]
        assert len(deploys) == 1


async def test_a_change_that_hangs_is_read_back(tmp_path: Path) -> None:
    async with served_region(tmp_path) as maas, MaasGateway(maas.url, OUR_KEY, timeouts=QUICK) as gateway:
        system_id = await id_of(maas, "node-01")
        for op in ("allocate", "deploy", "release"):
            await maas.fault("hang_30s", op=op, count=1, seconds=3)
            if op == "allocate":
                assert (await gateway.allocate(system_id, agent_name="berth-1")).status == MachineStatus.ALLOCATED
            elif op == "deploy":
                deploying = await gateway.deploy(system_id, user_data="x", distro_series="noble")
                assert deploying.status in (MachineStatus.DEPLOYING, MachineStatus.DEPLOYED)
            else:
                assert await gateway.release(system_id, erase=False) is not None


async def test_a_machine_gone_after_an_uncertain_release_is_released(maas: World) -> None:
    node = await maas.us.deployed("node-01")
    inner = maas.client._transport

    class Composed(httpx2.AsyncBaseTransport):
        """Loses the answer of the release; the machine is gone afterwards, as a composed one would be."""

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = await inner.handle_async_request(request)
            if request.method == "POST":
                await maas.fault("machine_vanishes", machine="node-01", count=None)
                raise httpx2.ReadTimeout("lost", request=request)
            return answer

    async with client(maas, transport=Composed()) as gateway:
        assert await gateway.release(SystemId(node["system_id"]), erase=False) is None


async def test_power_that_will_not_go_off_leaves_a_retryable_error(gateway: MaasGateway, maas: World) -> None:
    node = await maas.us.deployed("node-01")
    await maas.fault("power_off_fails", machine="node-01", count=1)
    with pytest.raises(MaasUnavailable) as caught:
        await gateway.release(SystemId(node["system_id"]), erase=False)
    assert not isinstance(caught.value, MaasOutcomeUnknown)
    assert "power" in caught.value.answer
    assert await gateway.release(SystemId(node["system_id"]), erase=False) is not None


async def test_a_machine_that_vanishes_is_absent_and_not_found(gateway: MaasGateway, maas: World) -> None:
    system_id = await id_of(maas, "node-01")
    await maas.fault("machine_vanishes", machine="node-01", count=None)
    assert await gateway.list_machines(ids=[system_id]) == []
    with pytest.raises(MaasNotFound):
        await gateway.get_machine(system_id)


async def test_a_failed_deployment_is_seen_in_the_status(gateway: MaasGateway, maas: World) -> None:
    await maas.fault("deploy_fails", machine="node-01", count=1)
    system_id = await id_of(maas, "node-01")
    await gateway.deploy(system_id, user_data="x", distro_series="noble")
    await maas.us.until(system_id, "Failed deployment")
    failed = await gateway.get_machine(system_id)
    assert (failed.status, failed.owner) == (MachineStatus.FAILED_DEPLOYMENT, "berth")
    assert failed.error_description != ""


async def test_user_data_travels_as_base64_in_a_form(maas: World) -> None:
    seen: list[bytes] = []
    inner = maas.client._transport

    class Listening(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            seen.append(await request.aread())
            return await inner.handle_async_request(request)

    async with client(maas, transport=Listening()) as gateway:
        await gateway.deploy(await id_of(maas, "node-01"), user_data=b"\x00\xff", distro_series="noble")
    assert base64.b64encode(b"\x00\xff").decode().replace("=", "%3D").encode() in seen[-1]
