"""Lists, filters, allocation, rights and the machine object (sections 3, 4, 5, 8, 9 and 10 of the facts)."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.maas_world import World, region, sample


@pytest.fixture
async def maas(tmp_path: Path) -> AsyncIterator[World]:
    async with region(tmp_path) as world:
        yield world


def shape(value: Any, real: Any, where: str = "") -> list[str]:
    """Where the keys of two answers differ; lists are compared by their first entries."""
    if isinstance(value, dict) and isinstance(real, dict):
        differing = [f"{where}/{key}" for key in sorted(value.keys() ^ real.keys())]
        return differing + [line for key in value.keys() & real.keys() for line in shape(value[key], real[key], key)]
    if isinstance(value, list) and isinstance(real, list) and value and real:
        return shape(value[0], real[0], where)
    return []


async def test_the_fleet_is_twenty_four_of_four_kinds_and_two_foreign_ones(maas: World) -> None:
    machines = await maas.admin.machines()
    ours = [machine for machine in machines if machine["pool"]["name"] == "berth"]
    assert [machine["hostname"] for machine in ours] == [f"node-{n:02}" for n in range(1, 25)]
    assert Counter(machine["tag_names"][0] for machine in ours) == {"h100x8": 6, "a100x8": 8, "l40sx4": 6, "cpu": 4}
    assert {machine["status_name"] for machine in ours} == {"Ready"}
    assert {machine["zone"]["name"] for machine in ours} == {"zone-1"}
    foreign = [machine for machine in machines if machine["pool"]["name"] == "other"]
    assert [(machine["owner"], machine["status_name"]) for machine in foreign] == [
        ("alice", "Deployed"),
        (None, "Ready"),
    ]
    assert len({machine["system_id"] for machine in machines}) == 26
    assert all(len(machine["system_id"]) == 6 for machine in machines)


async def test_hardware_is_what_the_catalogue_promises(maas: World) -> None:
    seen = {kind: (await maas.us.machines(tags=kind))[0] for kind in ("h100x8", "a100x8", "l40sx4", "cpu")}
    assert {kind: (m["cpu_count"], m["memory"] // 1024, len(m["blockdevice_set"])) for kind, m in seen.items()} == {
        "h100x8": (192, 2048, 8), "a100x8": (128, 1024, 4), "l40sx4": (64, 512, 2), "cpu": (96, 768, 2),
    }  # fmt: skip
    gpus = {
        kind: [gpu["product_id"] for gpu in (await maas.us.get(f"nodes/{m['system_id']}/devices/")).json()]
        for kind, m in seen.items()
    }
    assert gpus == {"h100x8": ["2330"] * 8, "a100x8": ["20b0"] * 8, "l40sx4": ["26b9"] * 4, "cpu": []}


async def test_a_deployed_machine_has_exactly_the_keys_of_a_real_one(maas: World) -> None:
    machine = await maas.us.deployed("node-01", distro_series="jammy")
    annotations = {"owner_data", "workload_annotations"}
    real = {key: value for key, value in sample("machine.deployed").items() if key not in annotations}
    assert len(machine) == 81
    assert shape({key: value for key, value in machine.items() if key not in annotations}, real) == []


async def test_devices_and_images_have_the_keys_of_real_ones(maas: World) -> None:
    node = await maas.us.machine("node-01")
    assert shape((await maas.us.get(f"nodes/{node['system_id']}/devices/")).json(), sample("node.devices")) == []
    images = (await maas.us.get("boot-resources/")).json()
    assert shape(images, sample("boot-resources")) == []
    assert {image["name"] for image in images} == {"ubuntu/noble", "ubuntu/jammy", "custom/ml-noble"}
    one = (await maas.us.get(f"boot-resources/{images[0]['id']}/")).json()
    assert one.keys() == sample("boot-resource").keys()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"tags": "h100x8"}, 6),
        ({"tags": ["gpu", "l40sx4"]}, 6),
        ({"not_tags": "gpu", "pool": "berth"}, 4),
        ({"pool": "other"}, 1),
        ({"not_in_pool": "other"}, 24),
        ({"zone": "zone-1", "pool": "berth"}, 24),
        ({"hostname": ["node-01", "node-02", "nobody"]}, 2),
        ({"status": "ready", "cpu_count": "192"}, 6),
        ({"status": ["deployed", "failed_releasing"]}, 0),
        ({"mem": "1048576", "pool": "berth"}, 14),
        ({"devices": "vendor_id=10de,product_id=26b9"}, 6),
        ({"arch": "amd64", "pool": "berth"}, 24),
        ({"id": "zzzzzz"}, 0),
        ({"power_state": "off", "pool": "berth"}, 24),
    ],
)
async def test_filters_narrow_the_list(maas: World, query: dict[str, Any], expected: int) -> None:
    assert len(await maas.us.machines(**query)) == expected


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"limit": "1"}, 400, {"limit": ["No such constraint."]}),
        ({"name": "node-01"}, 400, {"name": ["No such constraint."]}),
        ({"tags": "x"}, 400, {"tags": ["No such tag(s): 'x'."]}),
        ({"status": "4"}, 400, None),
        ({"status": "Ready"}, 400, None),
        ({"simple_status": "ready"}, 500, None),
    ],
)
async def test_wrong_filters_are_refused(maas: World, query: dict[str, str], status: int, said: Any) -> None:
    answer = await maas.us.get("machines/", **query)
    assert answer.status_code == status
    assert said is None or answer.json() == said


async def test_many_machines_are_read_in_one_call_by_their_ids(maas: World) -> None:
    wanted = [machine["system_id"] for machine in await maas.us.machines(tags="cpu")]
    assert [machine["system_id"] for machine in await maas.us.machines(id=wanted)] == wanted


async def test_allocate_answers_a_full_machine_and_what_it_matched(maas: World) -> None:
    answer = await maas.us.post("machines/", "allocate", name="node-03", agent_name="berth-1", storage="root:100")
    machine = answer.json()
    assert sorted(machine) == sample("machine.allocate")["keys"]
    assert machine["constraints_by_type"].keys() == sample("machine.allocate")["constraints_by_type"].keys()
    assert (machine["status"], machine["owner"], machine["ip_addresses"]) == (10, "berth", [])
    assert [found["hostname"] for found in await maas.us.machines(agent_name="berth-1")] == ["node-03"]
    allocated = await maas.us.get("machines/", op="list_allocated")
    assert [found["hostname"] for found in allocated.json()] == ["node-03"]


async def test_allocate_takes_the_cheapest_and_without_constraints_anything(maas: World) -> None:
    assert (await maas.us.post("machines/", "allocate", tags="gpu")).json()["tag_names"][0] == "l40sx4"
    assert (await maas.us.post("machines/", "allocate")).status_code == 200


async def test_a_dry_run_changes_nothing(maas: World) -> None:
    answer = await maas.us.post("machines/", "allocate", name="node-01", dry_run="true")
    assert answer.json()["hostname"] == "node-01"
    assert (await maas.us.machine("node-01"))["status_name"] == "Ready"


async def test_nothing_available_is_a_plain_409_in_three_wordings(maas: World) -> None:
    node = await maas.us.machine("node-01")
    await maas.us.post("machines/", "allocate", name="node-01")
    by_id = await maas.us.post("machines/", "allocate", system_id=node["system_id"])
    by_name = await maas.us.post("machines/", "allocate", name="x")
    assert (by_id.status_code, by_id.text) == (409, f"No machine with system ID {node['system_id']} available.")
    assert by_name.text == "No available machine matches constraints: [('name', ['x'])] (resolved to \"name=x\")"
    assert by_name.headers["content-type"].startswith("text/plain")
    assert "retry-after" not in by_name.headers
    while (last := await maas.us.post("machines/", "allocate")).status_code == 200:
        pass
    assert (last.status_code, last.text) == (409, "No machine available.")


async def test_an_option_of_deploy_is_no_constraint_of_allocate(maas: World) -> None:
    answer = await maas.us.post("machines/", "allocate", install_kvm="true")
    assert (answer.status_code, answer.json()) == (400, {"install_kvm": ["No such constraint."]})


async def test_others_machines_are_absent_from_lists_and_403_without_a_word(maas: World) -> None:
    foreign = await maas.admin.machine("lab-01")
    assert await maas.us.machines(hostname="lab-01") == []
    for answer in (
        await maas.us.get(f"machines/{foreign['system_id']}/"),
        await maas.us.post(f"machines/{foreign['system_id']}/", "release"),
        await maas.us.get(f"nodes/{foreign['system_id']}/devices/"),
    ):
        assert (answer.status_code, answer.text) == (403, "")
    unknown = await maas.us.get("machines/zzzzzz/")
    assert (unknown.status_code, unknown.text) == (404, "No Machine matches the given query.")
    events = (await maas.us.get("events/", op="query", id=foreign["system_id"])).json()
    assert events["count"] == 0


@pytest.mark.parametrize("op", ["commission", "mark_fixed"])
async def test_some_operations_are_for_administrators(maas: World, op: str) -> None:
    node = await maas.us.machine("node-01")
    assert (await maas.us.post(f"machines/{node['system_id']}/", op)).status_code == 403


async def test_only_the_owner_may_mark_broken_not_even_an_administrator(maas: World) -> None:
    node = (await maas.us.post("machines/", "allocate", name="node-01")).json()
    path = f"machines/{node['system_id']}/"
    refused = await maas.admin.post(path, "mark_broken")
    assert (refused.status_code, refused.text) == (403, "")
    broken = (await maas.us.post(path, "mark_broken", comment="fan")).json()
    assert (broken["status_name"], broken["owner"], broken["error_description"]) == ("Broken", None, "fan")
    assert (await maas.admin.post(path, "mark_fixed")).json()["status_name"] == "Ready"
    again = await maas.admin.post(path, "mark_fixed")
    assert (again.status_code, again.text) == (409, "Can't mark a non-broken node as 'Ready'.")


async def test_a_lock_stops_even_an_administrator(maas: World) -> None:
    early = (await maas.us.machine("node-02"))["system_id"]
    too_early = await maas.us.post(f"machines/{early}/", "lock")
    assert (too_early.status_code, too_early.text) == (409, "Can't lock, node is not deployed or deploying")
    node = await maas.us.deployed("node-01")
    path = f"machines/{node['system_id']}/"
    assert (await maas.us.post(path, "lock")).json()["locked"] is True
    for op in ("release", "power_off", "abort", "deploy", "set_workload_annotations"):
        answer = await maas.admin.post(path, op)
        assert (op, answer.status_code, answer.text) == (op, 403, "")
    assert (await maas.us.post(path, "lock")).text == "Machine is already locked"
    assert (await maas.us.post(path, "unlock")).json()["locked"] is False
    assert (await maas.us.post(path, "unlock")).text == "Machine is not locked"


async def test_annotations_belong_to_the_owner_and_vanish_at_release(maas: World) -> None:
    node = await maas.us.deployed("node-01")
    path = f"machines/{node['system_id']}/"
    noted = (await maas.us.post(path, "set_workload_annotations", lease="l1", team="blue")).json()
    assert noted["owner_data"] == noted["workload_annotations"] == {"lease": "l1", "team": "blue"}
    assert (await maas.us.post(path, "set_workload_annotations", team="")).json()["owner_data"] == {"lease": "l1"}
    refused = await maas.admin.post(path, "set_workload_annotations", a="b")
    assert (refused.status_code, refused.text) == (409, "Cannot set workload annotation: it hasn't been acquired.")
    await maas.us.post(path, "release")
    assert (await maas.us.until(node["system_id"], "Ready"))["owner_data"] == {}


async def test_tags_are_written_by_administrators_and_unknown_ids_count_nothing(maas: World) -> None:
    node = await maas.us.machine("node-01")
    assert (await maas.us.post("tags/", name="warm")).status_code == 403
    assert (await maas.admin.post("tags/", name="warm")).json()["name"] == "warm"
    assert (await maas.admin.post("tags/", name="warm")).status_code == 400
    added = await maas.admin.post("tags/warm/", "update_nodes", add=[node["system_id"], "zzzzzz"])
    assert added.json() == {"added": 1, "removed": 0}
    assert [found["hostname"] for found in (await maas.us.get("tags/warm/", op="machines")).json()] == ["node-01"]
    assert (await maas.us.machine("node-01"))["tag_names"] == ["h100x8", "gpu", "warm"]


async def test_events_are_newest_first_and_followed_by_id(maas: World) -> None:
    node = await maas.us.deployed("node-01")
    page = (await maas.us.get("events/", op="query", id=node["system_id"], limit="20")).json()
    assert shape(page, sample("events.query")) == []
    ids = [event["id"] for event in page["events"]]
    assert ids == sorted(ids, reverse=True)
    assert [event["type"] for event in page["events"]][:2] == ["Deployed", "Image Deployed"]
    assert page["events"][1]["description"] == "deployed ubuntu/noble/amd64/generic"
    assert page["next_uri"].endswith(f"limit=20&after={ids[0]}")
    assert page["prev_uri"].endswith(f"limit=20&before={ids[-1]}")
    newer = (await maas.us.get("events/", op="query", id=node["system_id"], after=str(ids[3]))).json()
    assert [event["id"] for event in newer["events"]] == ids[:3]
    older = (await maas.us.get("events/", op="query", id=node["system_id"], before=str(ids[3]))).json()
    assert [event["id"] for event in older["events"]] == ids[4:]
    debug = (await maas.us.get("events/", op="query", id=node["system_id"], level="DEBUG")).json()
    assert debug["count"] > page["count"]


@pytest.mark.parametrize("query", [{"limit": "1001"}, {"level": "LOUD"}])
async def test_events_refuse_too_many_and_unknown_levels(maas: World, query: dict[str, str]) -> None:
    assert (await maas.us.get("events/", op="query", **query)).status_code == 400


async def test_settings_are_json_strings_and_unknown_ones_400(maas: World) -> None:
    assert (await maas.us.get("maas/", op="get_config", name="default_distro_series")).text == '"noble"'
    assert (await maas.us.get("maas/", op="get_config", name="x")).status_code == 400
    assert (await maas.us.get("account/prefs/sshkeys/")).json() == []
