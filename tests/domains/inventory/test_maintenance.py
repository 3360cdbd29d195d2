"""Draining, maintenance windows, retiring, and switching machines through the simulated MAAS."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.domains.inventory import public
from app.domains.inventory.contracts import NODE_STATES
from app.domains.inventory.errors import NodeNotInService
from app.domains.inventory.rules.maintenance import TRANSITIONS, may_follow
from app.domains.inventory.service.maintenance import turn_windows
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import new_id
from tests.domains.inventory.stock import candidates, node_ids, plant, see
from tests.domains.inventory.test_import import bring_in, maas
from tests.domains.inventory.test_pages import words
from tests.domains.provisioning.hall import operator_of
from tests.fixtures.app import Browser
from tests.fixtures.catalog import sku_of_code

WHY = "disk 3 is failing"


@pytest.fixture
async def hall(runtime: Runtime, sign_in_as) -> Browser:
    """Three free nodes and an operator."""
    await plant(runtime)
    await see(runtime, ("h100x8", "l40sx4", "cpu"))
    return await sign_in_as("olga", operator=True)


async def post(olga: Browser, path: str, body: dict[str, object], status: int = 200) -> dict:
    answer = await olga.post_json(f"/api/v1/admin/nodes/{path}", body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def kinds(olga: Browser, node) -> list[str]:
    found = (await olga.client.get(f"/api/v1/admin/nodes/{node}/history")).json()
    return [item["kind"] for item in found["items"]]


async def events(runtime: Runtime) -> set[str]:
    async with runtime.context(SYSTEM) as ctx:
        return {row.name for row in await ctx.session.execute(text("SELECT name FROM shared.outbox_events"))}


async def free_nodes(runtime: Runtime, code: str) -> int:
    async with runtime.context(SYSTEM) as ctx:
        sku = await sku_of_code(ctx, code)
        return len(await candidates(ctx, sku.id))


async def test_a_drained_node_gets_nobody_new_and_says_when_it_is_empty(runtime: Runtime, hall: Browser) -> None:
    node, tenant = (await node_ids(runtime))[1], new_id()
    async with runtime.context(SYSTEM) as ctx:
        await public.claim_slots(ctx, node, [0, 1], tenant)
    await post(hall, f"{node}/drain", {"reason": WHY, "hours": 24})
    with pytest.raises(NodeNotInService):
        async with runtime.context(SYSTEM) as ctx:
            await public.claim_slots(ctx, node, [2], new_id())
    page = words((await hall.client.get(f"/admin/nodes/{node}")).text)
    assert "This node is being drained" in page and WHY in page and "everybody should have left" in page
    assert "berth.v1.inventory.node.drained" not in await events(runtime)
    async with runtime.context(SYSTEM) as ctx:
        await public.free_slots(ctx, tenant)
    assert "berth.v1.inventory.node.drained" in await events(runtime)
    assert (await kinds(hall, node))[:4] == ["drained", "freed", "draining", "claimed"]
    assert "This node is drained" in words((await hall.client.get(f"/admin/nodes/{node}")).text)
    assert (await hall.post(f"/admin/nodes/{node}/uncordon")).status_code == 303
    assert (await hall.client.get(f"/api/v1/admin/nodes/{node}")).json()["drain_since"] is None


@pytest.mark.parametrize("hours", ["0", "soon", "99999"])
async def test_a_deadline_is_a_number_of_hours(hours: str, runtime: Runtime, hall: Browser) -> None:
    node = (await node_ids(runtime))[0]
    answer = await hall.post(f"/admin/nodes/{node}/drain", reason=WHY, hours=hours)
    assert answer.status_code == 422


async def test_a_window_blocks_placement_from_its_start_and_ends_by_itself(
    runtime: Runtime, hall: Browser, clock
) -> None:
    node = (await node_ids(runtime))[0]
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
    assert await free_nodes(runtime, "h100x8") == 1
    body = {"reason": WHY, "starts_at": None, "ends_at": (now + timedelta(hours=2)).isoformat()}
    window = await post(hall, f"{node}/maintenance", body, 201)
    assert await free_nodes(runtime, "h100x8") == 0
    detail = (await hall.client.get(f"/api/v1/admin/nodes/{node}")).json()
    assert (detail["state"], detail["windows"][0]["id"]) == ("maintenance", window["id"])
    page = words((await hall.client.get(f"/admin/nodes/{node}")).text)
    assert "This node is in maintenance" in page and "in effect" in page
    assert await turn_windows(lambda: runtime.context(SYSTEM)) == 0
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(
            text("UPDATE inventory.maintenance_windows SET starts_at = starts_at - interval '3 h', ends_at = :now"),
            {"now": now},
        )
    assert await turn_windows(lambda: runtime.context(SYSTEM)) == 1
    assert await turn_windows(lambda: runtime.context(SYSTEM)) == 0
    assert await free_nodes(runtime, "h100x8") == 1
    assert {"maintenance_planned", "maintenance_began", "maintenance_ended"} <= set(await kinds(hall, node))


async def test_a_planned_window_blocks_nothing_yet_and_another_may_not_overlap(runtime: Runtime, hall: Browser) -> None:
    node = (await node_ids(runtime))[0]
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
    at = lambda hours: (now + timedelta(hours=hours)).isoformat()  # noqa: E731
    first = await post(hall, f"{node}/maintenance", {"reason": WHY, "starts_at": at(5), "ends_at": at(7)}, 201)
    assert await free_nodes(runtime, "h100x8") == 1
    refused = await post(hall, f"{node}/maintenance", {"reason": WHY, "starts_at": at(6), "ends_at": at(8)}, 409)
    assert refused["error"]["code"] == "maintenance_window_overlaps"
    await post(hall, f"{node}/maintenance", {"reason": WHY, "starts_at": at(7), "ends_at": at(8)}, 201)
    await post(hall, f"{node}/maintenance", {"reason": WHY, "starts_at": at(9), "ends_at": at(9)}, 422)
    await post(hall, f"{node}/maintenance", {"reason": WHY, "starts_at": at(-2), "ends_at": at(9)}, 422)
    ended = await post(hall, f"{node}/maintenance/{first['id']}/end", {})
    assert ended["state"] == "ready"
    again = await post(hall, f"{node}/maintenance/{first['id']}/end", {})
    assert again["state"] == "ready" and (await kinds(hall, node)).count("maintenance_canceled") == 1
    await post(hall, f"{node}/maintenance/{new_id()}/end", {}, 404)
    async with runtime.context(SYSTEM) as ctx:  # the clock of the database goes past the start: no job has looked yet
        await ctx.session.execute(text("UPDATE inventory.maintenance_windows SET starts_at = now() - interval '1 s'"))
    assert await free_nodes(runtime, "h100x8") == 0
    with pytest.raises(NodeNotInService):
        async with runtime.context(SYSTEM) as ctx:
            await public.claim_slots(ctx, node, range(8), new_id())


async def test_a_quarantined_node_stays_one_through_a_window(runtime: Runtime, hall: Browser) -> None:
    node = (await node_ids(runtime))[0]
    async with runtime.context(SYSTEM) as ctx:
        await public.quarantine(ctx, node, "no answer on SSH")
        now = await ctx.now()
    window = await post(
        hall, f"{node}/maintenance", {"reason": WHY, "ends_at": (now + timedelta(hours=1)).isoformat()}, 201
    )
    ended = await post(hall, f"{node}/maintenance/{window['id']}/end", {})
    assert ended["state"] == "quarantined"


async def test_a_node_is_retired_only_when_nobody_is_on_it_and_for_good(runtime: Runtime, hall: Browser) -> None:
    node, tenant = (await node_ids(runtime))[1], new_id()
    async with runtime.context(SYSTEM) as ctx:
        await public.claim_slots(ctx, node, [0], tenant)
    assert (await post(hall, f"{node}/retire", {"reason": WHY}, 409))["error"]["code"] == "node_in_use"
    async with runtime.context(SYSTEM) as ctx:
        await public.free_slots(ctx, tenant)
    assert (await hall.post(f"/admin/nodes/{node}/retire", reason=WHY, confirm_name="node-001")).status_code == 422
    assert (await hall.post(f"/admin/nodes/{node}/retire", reason=WHY, confirm_name="node-002")).status_code == 303
    assert await free_nodes(runtime, "l40sx4") == 0
    assert "node-002" not in (await hall.client.get("/admin")).text
    await post(hall, f"{node}/retire", {"reason": WHY}, 409)
    await post(hall, f"{node}/drain", {"reason": WHY}, 409)
    async with runtime.context(SYSTEM) as ctx:
        await public.quarantine(ctx, node, "a late finding")
    assert (await hall.client.get(f"/api/v1/admin/nodes/{node}")).json()["state"] == "retired"


@pytest.mark.parametrize(
    ("role", "reads", "manages"),
    [
        ("platform_admin", 200, 200),
        ("platform_operator", 200, 200),
        ("platform_auditor", 200, 403),
        ("platform_finance", 403, 403),
    ],
)
async def test_who_may_see_nodes_and_who_may_change_them(
    role: str, reads: int, manages: int, runtime: Runtime, hall: Browser, sign_in_as
) -> None:
    node = (await node_ids(runtime))[0]
    person = await operator_of(runtime, sign_in_as, role)
    page = await person.client.get(f"/admin/nodes/{node}")
    assert page.status_code == reads and ("Drain…" in page.text) is (manages == 200)
    assert (await person.client.get(f"/api/v1/admin/nodes/{node}/history")).status_code == reads
    answer = await person.post_json(f"/api/v1/admin/nodes/{node}/drain", {"reason": WHY})
    assert answer.status_code == manages


@given(st.lists(st.sampled_from(NODE_STATES), max_size=12))
def test_no_walk_leaves_retired(walk) -> None:
    state = "ready"
    for wanted in walk:
        if may_follow(state, wanted):
            assert state != "retired"
            state = wanted
    assert state in TRANSITIONS


# -- power, over the wire ------------------------------------------------------------------------------------------


async def test_a_machine_is_switched_through_maas_and_the_result_is_on_record(
    runtime: Runtime, tmp_path: Path, sign_in_as
) -> None:
    await plant(runtime)
    olga = await sign_in_as("olga", operator=True)
    async with maas(runtime, tmp_path / "maas") as (world, gateway):
        await bring_in(runtime, gateway)
        async with runtime.context(SYSTEM) as ctx:
            node = await public.node_by_system_id(ctx, (await world.admin.machine("node-02"))["system_id"])
        asked = await post(olga, f"{node}/power", {"action": "query"})
        assert (asked["outcome"], asked["power_state"], asked["maas_state"]) == ("done", "off", "ready")
        await post(olga, f"{node}/power", {"action": "off"}, 422)  # a reason is missing
        off = await post(olga, f"{node}/power", {"action": "off", "reason": WHY})
        assert off["power_state"] == "off"
        await refused_once(olga, f"/api/v1/admin/nodes/{node}/power")
        taken = await gateway.allocate((await world.admin.machine("node-02"))["system_id"], agent_name="berth-test")
        assert taken.owner == "berth"
        key = new_id().hex
        path = f"/api/v1/admin/nodes/{node}/power"
        on = await olga.post_json(path, {"action": "on", "reason": WHY}, key=key)
        assert on.json()["power_state"] == "on", on.text
        await gateway.power_off(taken.system_id)
        again = await olga.post_json(path, {"action": "on", "reason": WHY}, key=key)
        assert again.status_code == 200
        assert (await gateway.get_machine(taken.system_id)).power_state == "off"  # one request switches once
        async with runtime.context(SYSTEM) as ctx:
            await ctx.session.execute(text("UPDATE inventory.nodes SET maas_state = 'ready'"))
            await public.claim_slots(ctx, node, [0], new_id())
        held = await post(olga, f"{node}/power", {"action": "off", "reason": WHY}, 409)
        assert held["error"]["code"] == "node_in_use"
        forced = await post(olga, f"{node}/power", {"action": "off", "reason": WHY, "confirm_name": "node-02"})
        assert forced["outcome"] == "done"
    assert [kind for kind in await kinds(olga, node) if kind.startswith("power")] == [
        "power_off", "power_on", "power_on", "power_off",
    ]  # fmt: skip
    async with runtime.context(SYSTEM) as ctx:
        rows = await ctx.session.execute(text("SELECT outcome FROM inventory.power_requests ORDER BY id"))
        assert [row.outcome for row in rows] == ["done", "done", "refused", "done", "done"]


async def refused_once(olga: Browser, path: str) -> None:
    """MAAS has given the machine to nobody: who repeats the request is told the same, and MAAS is not asked again."""
    key = new_id().hex
    first, again = [await olga.post_json(path, {"action": "on", "reason": WHY}, key=key) for _ in range(2)]
    said, repeated = first.json()["error"], again.json()["error"]
    assert (first.status_code, said["code"]) == (409, "maas_conflict")
    assert (again.status_code, repeated) == (409, said | {"correlation_id": repeated["correlation_id"]})


async def test_a_machine_that_is_not_ours_is_not_switched(runtime: Runtime, tmp_path: Path, sign_in_as) -> None:
    await plant(runtime)
    olga = await sign_in_as("olga", operator=True)
    async with maas(runtime, tmp_path / "maas") as (world, gateway):
        await bring_in(runtime, gateway)
        async with runtime.context(SYSTEM) as ctx:
            node = await public.node_by_system_id(ctx, (await world.admin.machine("node-02"))["system_id"])
        await world.admin.post("machines/", "allocate", name="node-02")
        for body in ({"action": "off", "reason": WHY}, {"action": "cycle", "reason": WHY}):
            answer = await olga.post_json(f"/api/v1/admin/nodes/{node}/power", body)
            assert answer.status_code in (409, 502), answer.text
        assert (await world.admin.machine("node-02"))["power_state"] == "off"
