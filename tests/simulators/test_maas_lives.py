"""What machines do by themselves: deploying, releasing, breaking, and going on after a restart."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.simulators.maas.fleet import plan
from devstack.simulators.maas.states import Status, display_name, is_legal
from tests.simulators.maas_world import World, nodes_process, region


@pytest.fixture
async def maas(tmp_path: Path) -> AsyncIterator[World]:
    async with region(tmp_path) as world:
        yield world


async def types_of(maas: World, system_id: str) -> list[str]:
    page = (await maas.us.get("events/", op="query", id=system_id)).json()
    return [event["type"] for event in reversed(page["events"])]


async def test_a_deployment_goes_through_the_real_steps(maas: World) -> None:
    node = await maas.us.machine("node-01")
    answer = (await maas.us.post(f"machines/{node['system_id']}/", "deploy")).json()
    assert (answer["status_name"], answer["owner"], answer["ip_addresses"]) == ("Deploying", "berth", [])
    assert (answer["power_state"], answer["netboot"]) == ("on", True)
    done = await maas.us.until(node["system_id"], "Deployed")
    assert (done["status_message"], done["hwe_kernel"], done["netboot"]) == ("Deployed", "ga-24.04", False)
    assert done["ip_addresses"][0].startswith("127.")
    assert done["interface_set"][0]["links"][0]["ip_address"] == done["ip_addresses"][0]
    assert await types_of(maas, node["system_id"]) == [
        "Commissioning", "Ready", "Deploying", "Performing PXE boot", "Loading ephemeral", "Configuring storage",
        "Installing OS", "Configuring OS", "Rebooting", "Image Deployed", "Deployed",
    ]  # fmt: skip


async def test_deploy_needs_ready_or_allocated_and_a_known_image(maas: World) -> None:
    node = await maas.us.deployed("node-01")
    again = await maas.us.post(f"machines/{node['system_id']}/", "deploy")
    assert (again.status_code, again.text) == (409, "Can't deploy a machine that is in the 'Deployed' state")
    other = await maas.us.machine("node-02")
    wrong = await maas.us.post(f"machines/{other['system_id']}/", "deploy", distro_series="x")
    assert wrong.status_code == 400
    assert wrong.json()["distro_series"][0].startswith("'x' is not a valid distro_series.  It should be one of: '', ")
    assert (await maas.us.machine("node-02"))["status_name"] == "Ready"  # the implicit acquire was rolled back


async def test_an_administrator_deploying_leaves_the_owner(maas: World) -> None:
    node = (await maas.us.post("machines/", "allocate", name="node-01")).json()
    await maas.admin.post(f"machines/{node['system_id']}/", "deploy")
    assert (await maas.us.until(node["system_id"], "Deployed"))["owner"] == "berth"


async def test_a_release_switches_off_and_forgets_owner_and_system(maas: World) -> None:
    node = await maas.us.deployed("node-01")
    path = f"machines/{node['system_id']}/"
    answer = (await maas.us.post(path, "release")).json()
    assert (answer["status_name"], answer["owner"], answer["distro_series"]) == ("Releasing", "berth", "")
    assert (await maas.us.post(path, "release")).status_code == 200
    done = await maas.us.until(node["system_id"], "Ready")
    assert (done["owner"], done["ip_addresses"], done["power_state"]) == (None, [], "off")
    assert (done["osystem"], done["hwe_kernel"], done["status_message"]) == ("", None, "Released")


async def test_a_machine_that_is_off_is_ready_in_the_same_call(maas: World) -> None:
    node = (await maas.us.post("machines/", "allocate", name="node-01")).json()
    answer = (await maas.us.post(f"machines/{node['system_id']}/", "release")).json()
    assert (answer["status_name"], answer["owner"]) == ("Ready", None)


@pytest.mark.parametrize("word", ["erase", "quick_erase", "secure_erase"])
async def test_erasing_passes_through_disk_erasing(maas: World, word: str) -> None:
    node = await maas.us.deployed("node-01")
    path = f"machines/{node['system_id']}/"
    assert (await maas.us.post(path, "release", **{word: "true"})).json()["status"] == 14
    refused = await maas.us.post(path, "release")
    assert refused.text == "Machine cannot be released in its current state ('Disk erasing')."
    await maas.us.until(node["system_id"], "Ready")
    assert (await types_of(maas, node["system_id"]))[-4:] == ["Disk erasing", "Disks erased", "Releasing", "Released"]


async def test_many_are_released_together_or_not_at_all(maas: World) -> None:
    one, two = await maas.us.deployed("node-01"), await maas.us.machine("node-02")
    erasing = await maas.us.deployed("node-03")
    await maas.us.post(f"machines/{erasing['system_id']}/", "release", erase="true")
    ids = [one["system_id"], two["system_id"]]
    conflict = await maas.us.post("machines/", "release", machines=[*ids, erasing["system_id"]])
    assert conflict.status_code == 409
    assert (await maas.us.machine("node-01"))["status_name"] == "Deployed"
    unknown = await maas.us.post("machines/", "release", machines=["x"])
    assert (unknown.status_code, unknown.text) == (400, "Unknown machine(s): x.")
    assert (await maas.us.post("machines/", "release", machines=ids)).json() == [one["system_id"]]


async def test_abort_returns_deploying_to_allocated(maas: World) -> None:
    await maas.fault("never_deploys", count=1)
    node = await maas.us.machine("node-01")
    path = f"machines/{node['system_id']}/"
    await maas.us.post(path, "deploy")
    aborted = (await maas.us.post(path, "abort")).json()
    assert (aborted["status_name"], aborted["owner"], aborted["status_message"]) == (
        "Allocated", "berth", "Aborted deployment",
    )  # fmt: skip
    again = await maas.us.post(path, "abort")
    assert (again.status_code, again.text) == (
        409,
        "Cannot abort in current state: node node-01 is in state Allocated.",
    )


async def test_commissioning_ends_in_ready_and_is_refused_for_the_deployed(maas: World) -> None:
    node = await maas.us.machine("node-01")
    path = f"machines/{node['system_id']}/"
    assert (await maas.admin.post(path, "commission")).json()["owner"] == "admin"
    assert (await maas.admin.until(node["system_id"], "Ready"))["owner"] is None
    await maas.us.deployed("node-01")
    refused = await maas.admin.post(path, "commission")
    message = "Commission is not available because of the current state of the node."
    assert (refused.status_code, refused.json()) == (400, {"__all__": [message]})


async def test_power_follows_ownership(maas: World) -> None:
    node = await maas.us.machine("node-01")
    path = f"machines/{node['system_id']}/"
    refused = await maas.us.post(path, "power_on")
    assert (refused.status_code, refused.text) == (409, "Can't start node: it hasn't been allocated.")
    await maas.us.deployed("node-01")
    assert (await maas.us.post(path, "power_off")).json()["power_state"] == "off"
    assert (await maas.us.get(path, op="query_power_state")).json() == {"state": "off"}
    assert (await maas.us.post(path, "power_on")).json()["power_state"] == "on"


async def test_a_deployment_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with region(tmp_path, speed=20) as maas:
        node = await maas.us.machine("node-01")
        await maas.us.post(f"machines/{node['system_id']}/", "deploy", distro_series="jammy")
        assert (await maas.us.machine("node-01"))["status_name"] == "Deploying"
    async with region(tmp_path, speed=20) as maas:
        halfway = await maas.us.machine("node-01")
        assert (halfway["status_name"], halfway["distro_series"]) == ("Deploying", "jammy")
        await maas.us.until(node["system_id"], "Deployed")
        assert (await types_of(maas, node["system_id"])).count("Performing PXE boot") == 1


async def test_an_image_deployed_before_is_faster(tmp_path: Path) -> None:
    from devstack.simulators.maas.store import Store

    async with region(tmp_path, speed=100) as maas:
        node = await maas.us.deployed("node-01")
        await maas.us.post(f"machines/{node['system_id']}/", "release")
        await maas.us.until(node["system_id"], "Ready")
    async with region(tmp_path, speed=0.001) as maas:
        for hostname in ("node-01", "node-02"):
            system_id = (await maas.us.machine(hostname))["system_id"]
            await maas.us.post(f"machines/{system_id}/", "deploy")
    store = Store(tmp_path, 24)
    jobs = {machine.hostname: machine.job for machine in store.machines.values()}
    cold, warm = (jobs["node-02"], jobs["node-01"])
    store.close()
    assert cold is not None
    assert warm is not None
    assert sum(step.seconds for step in cold.steps) == pytest.approx(6.0)
    assert sum(step.seconds for step in warm.steps) == pytest.approx(3.0)


async def test_the_node_is_there_before_the_machine_reads_deployed(tmp_path: Path) -> None:
    user_data = '#cloud-config\n{"hostname": "train-07"}'
    async with nodes_process() as (nodes, url), region(tmp_path, nodes_url=url) as maas:
        await nodes.until(lambda: ("GET", "") in nodes.log)
        nodes.away = True
        node = await maas.us.machine("node-01")
        form = {"user_data": base64.b64encode(user_data.encode()).decode()}
        await maas.us.post(f"machines/{node['system_id']}/", "deploy", **form)
        await nodes.until(lambda: nodes.log.count(("REFUSED", f"/machines/{node['system_id']}")) > 1)
        assert (await maas.us.machine("node-01"))["status_name"] == "Deploying"
        nodes.away = False
        done = await maas.us.until(node["system_id"], "Deployed")
        told = nodes.held[node["system_id"]]
        assert told.keys() == {"hostname", "address", "user_data", "gpus", "cpu_count", "memory_mib", "faults"}
        assert (told["user_data"], told["address"], told["faults"]) == (user_data, done["ip_addresses"][0], [])
        assert [gpu["name"] for gpu in told["gpus"]] == ["NVIDIA H100 80GB HBM3"] * 8
        assert told["gpus"][0].keys() == {"index", "name", "memory_mib", "uuid", "pci"}
        await maas.us.post(f"machines/{node['system_id']}/", "release")
        await nodes.until(lambda: node["system_id"] not in nodes.held)


async def test_user_data_that_is_no_base64_is_served_as_it_came(tmp_path: Path) -> None:
    async with nodes_process() as (nodes, url), region(tmp_path, nodes_url=url) as maas:
        node = await maas.us.deployed("node-01", user_data="not base64!")
        assert nodes.held[node["system_id"]]["user_data"] == "not base64!"


async def test_a_restart_sends_deployed_machines_again_and_drops_the_rest(tmp_path: Path) -> None:
    async with nodes_process() as (nodes, url):
        async with region(tmp_path, nodes_url=url) as maas:
            node = await maas.us.deployed("node-01")
        nodes.held = {"strange": {}}
        async with region(tmp_path, nodes_url=url):
            await nodes.until(lambda: nodes.held.keys() == {node["system_id"]})


async def test_a_node_that_could_not_be_dropped_is_dropped_before_its_next_deployment(tmp_path: Path) -> None:
    async with nodes_process() as (nodes, url), region(tmp_path, nodes_url=url) as maas:
        node = await maas.us.deployed("node-01")
        path = f"machines/{node['system_id']}/"
        nodes.away = True
        await maas.us.post(path, "release")
        await maas.us.until(node["system_id"], "Ready")
        await maas.us.post(path, "deploy")
        nodes.log.clear()
        nodes.away = False
        await maas.us.until(node["system_id"], "Deployed")
        told = [line for line in nodes.log if line[0] != "REFUSED"]
        assert told[0] == ("DELETE", node["system_id"])
        assert told[-1] == ("PUT", node["system_id"])


def test_illegal_moves_are_known() -> None:
    assert is_legal(Status.DEPLOYING, Status.DEPLOYED)
    assert not is_legal(Status.FAILED_DEPLOYMENT, Status.DEPLOYING)
    assert not is_legal(Status.READY, Status.DEPLOYED)
    assert [display_name(number) for number in (4, 11, 13, 18, 20)] == [
        "Ready", "Failed deployment", "Releasing failed", "Failed to enter rescue mode", "Failed to exit rescue mode",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 24, 500])
def test_a_fleet_of_any_size_keeps_the_proportions(size: int) -> None:
    places = plan(size)
    assert len(places) == size + 2
    share = sum(place.kind == "h100x8" for place in places[:-2]) / size
    assert share == pytest.approx(0.25, abs=1 / size)
