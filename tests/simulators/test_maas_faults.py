"""The ten faults, each with what it does and how it ends; and a hall of five hundred."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.simulators.maas_world import World, nodes_process, region, served_region


@pytest.fixture
async def maas(tmp_path: Path) -> AsyncIterator[World]:
    async with region(tmp_path) as world:
        yield world


async def begin(maas: World, hostname: str = "node-01") -> str:
    system_id: str = (await maas.us.machine(hostname))["system_id"]
    assert (await maas.us.post(f"machines/{system_id}/", "deploy")).status_code == 200
    return system_id


async def test_deploy_fails_keeps_owner_and_power_and_strikes_only_its_machine(maas: World) -> None:
    await maas.fault("deploy_fails", machine="node-01", count=1)
    other = await begin(maas, "node-02")
    failed = await maas.us.until(await begin(maas), "Failed deployment")
    assert (failed["owner"], failed["power_state"], failed["ip_addresses"] != []) == ("berth", "on", True)
    assert failed["error_description"] != ""
    assert failed["status_message"].startswith("Marking node failed - ")
    refused = await maas.us.post(f"machines/{failed['system_id']}/", "deploy")
    assert refused.text == "Can't deploy a machine that is in the 'Failed deployment' state"
    await maas.us.post(f"machines/{failed['system_id']}/", "release")
    released = await maas.us.until(failed["system_id"], "Ready")
    assert released["error_description"] == failed["error_description"]  # stale texts survive, as on a real one
    await maas.us.until(other, "Deployed")
    assert await maas.faults() == {}


async def test_never_deploys_stays_until_it_is_released(maas: World) -> None:
    await maas.fault("never_deploys", count=1)
    system_id = await begin(maas)
    for _ in range(100):  # longer than a whole deployment at this speed
        stuck = await maas.us.machine("node-01")
        assert stuck["status_name"] == "Deploying"
        if stuck["status_message"] == "Installing OS":
            break
        await asyncio.sleep(0.01)
    assert stuck["status_message"] == "Installing OS"
    await maas.us.post(f"machines/{system_id}/", "release")
    await maas.us.until(system_id, "Ready")


async def test_never_deploys_ends_with_the_timeout_of_maas(tmp_path: Path) -> None:
    async with region(tmp_path, speed=20000) as maas:
        await maas.fault("never_deploys", count=1)
        failed = await maas.us.until(await begin(maas), "Failed deployment")
        assert failed["error_description"] == "time-out during deployment"


async def test_slow_deploy_is_slower_by_its_factor(tmp_path: Path) -> None:
    from devstack.simulators.maas.store import Store

    async with region(tmp_path) as maas:
        await maas.fault("slow_deploy", count=1, factor=100)
        await begin(maas)
    store = Store(tmp_path, 24)
    job = next(machine.job for machine in store.machines.values() if machine.hostname == "node-01")
    store.close()
    assert job is not None
    assert sum(step.seconds for step in job.steps) == pytest.approx(600)


async def test_conflict_409_is_an_html_page_with_retry_after_and_changes_nothing(maas: World) -> None:
    await maas.fault("conflict_409", op="allocate", count=1)
    answer = await maas.us.post("machines/", "allocate", name="node-01")
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "5")
    assert answer.headers["content-type"].startswith("text/html")
    assert "Conflict error. Try your request again" in answer.text
    assert (await maas.us.post("machines/", "allocate", name="node-01")).status_code == 200


@pytest.mark.parametrize(("effect", "after"), [("none", "Ready"), ("done", "Allocated")])
async def test_http_500_may_come_before_or_after_the_effect(maas: World, effect: str, after: str) -> None:
    await maas.fault("http_500", op="allocate", effect=effect, count=1)
    assert (await maas.us.post("machines/", "allocate", name="node-01")).status_code == 500
    assert (await maas.us.machine("node-01"))["status_name"] == after


async def test_hang_acts_and_answers_late(tmp_path: Path) -> None:
    async with served_region(tmp_path) as maas:
        await maas.fault("hang_30s", op="allocate", count=1)
        impatient = httpx2.Timeout(0.1)
        maas.client.timeout = impatient
        with pytest.raises(httpx2.ReadTimeout):
            await maas.us.post("machines/", "allocate", name="node-01")
        maas.client.timeout = httpx2.Timeout(10)
        assert (await maas.us.machine("node-01"))["status_name"] == "Allocated"


async def test_a_vanished_machine_is_nowhere_until_it_comes_back(maas: World) -> None:
    system_id = (await maas.us.machine("node-01"))["system_id"]
    await maas.fault("machine_vanishes", machine="node-01", count=None)
    assert (await maas.us.get(f"machines/{system_id}/")).status_code == 404
    assert await maas.us.machines(id=system_id) == []
    assert len(await maas.us.machines(pool="berth")) == 23
    await maas.heal()
    assert (await maas.us.get(f"machines/{system_id}/")).status_code == 200


async def test_power_off_fails_leaves_a_deployed_machine_without_its_series(maas: World) -> None:
    node = await maas.us.deployed("node-01")
    await maas.fault("power_off_fails", machine=node["system_id"], count=1)
    answer = await maas.us.post(f"machines/{node['system_id']}/", "release")
    assert (answer.status_code, "power" in answer.text) == (500, True)
    after = await maas.us.machine("node-01")
    assert (after["status_name"], after["distro_series"], after["hwe_kernel"]) == ("Deployed", "", None)
    await maas.us.post(f"machines/{node['system_id']}/", "release")
    await maas.us.until(node["system_id"], "Ready")


@pytest.mark.parametrize("fault", ["ssh_never_answers", "gpu_missing"])
async def test_faults_of_the_node_travel_to_the_nodes_process(tmp_path: Path, fault: str) -> None:
    async with nodes_process() as (nodes, url), region(tmp_path, nodes_url=url) as maas:
        await maas.fault(fault, machine="node-01", count=1)
        bad, good = await maas.us.deployed("node-01"), await maas.us.deployed("node-02")
        assert nodes.held[bad["system_id"]]["faults"] == [fault]
        assert nodes.held[good["system_id"]]["faults"] == []


async def test_a_machine_switched_off_does_not_answer_ssh(tmp_path: Path) -> None:
    async with nodes_process() as (nodes, url), region(tmp_path, nodes_url=url) as maas:
        node = await maas.us.deployed("node-01")
        await maas.us.post(f"machines/{node['system_id']}/", "power_off")
        await nodes.until(lambda: nodes.held[node["system_id"]]["faults"] == ["ssh_never_answers"])
        await maas.us.post(f"machines/{node['system_id']}/", "power_on")
        await nodes.until(lambda: nodes.held[node["system_id"]]["faults"] == [])


async def test_faults_are_kept_over_a_restart(tmp_path: Path) -> None:
    async with region(tmp_path) as maas:
        await maas.fault("deploy_fails", machine="node-01", count=None)
    async with region(tmp_path) as maas:
        await maas.us.until(await begin(maas), "Failed deployment")


async def test_five_hundred_machines_are_listed_in_well_under_a_second(tmp_path: Path) -> None:
    async with served_region(tmp_path, fleet=500) as maas:
        assert len(await maas.us.machines(pool="berth")) == 500
        began = time.perf_counter()
        answer = await maas.us.get("machines/")
        took = time.perf_counter() - began
        assert answer.status_code == 200
        assert took < 0.7
        node = await maas.us.machine("node-007")
        await maas.us.post(f"machines/{node['system_id']}/", "deploy")
        assert (await maas.us.machine("node-007"))["status_name"] == "Deploying"  # a change is never served stale
