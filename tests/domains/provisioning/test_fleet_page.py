"""The operator's first page on real PostgreSQL: what it says, who may see it, what five hundred nodes weigh."""

from __future__ import annotations

import gzip
import re
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.service.launch import start_provisioning
from app.shared.authz.actor import SYSTEM
from tests.domains.inventory.stock import node_ids, plant, see
from tests.domains.inventory.test_pages import statements, words
from tests.domains.provisioning.hall import age, machine, operator_of
from tests.domains.provisioning.test_pages import give_credit
from tests.domains.provisioning.world import USD

KINDS = ("h100x8", "l40sx4", "cpu")


async def test_an_empty_fleet_says_the_first_step(sign_in_as) -> None:
    answer = await (await sign_in_as("olga", operator=True)).client.get("/admin")
    assert answer.status_code == 200
    assert "No nodes yet" in answer.text


async def test_the_map_shows_nodes_slots_figures_and_the_organisation(runtime, sign_in_as) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    nodes = await node_ids(runtime)
    await machine(runtime, ada, nodes[1], slots=(0, 1), sku="l40sx4", state="active", name="train-07")
    markup = (await olga.client.get("/admin")).text
    said = words(markup)
    assert "3 nodes: 1 In use 2 Ready" in said
    assert "2 of 13 slots in service" in said and "15 %" in said
    assert "2 of 11 free slots are on machines that somebody is on" in said
    assert 'href="/admin/fleet/m00002"' in markup and 'class="f-used"' in markup
    assert (await olga.client.get("/admin/fleet/m00002")).headers["location"] == f"/admin/nodes/{nodes[1]}"
    by_tenant = (await olga.client.get("/admin?by=tenant")).text
    assert 'class="f-t0"' in by_tenant
    table = words((await olga.client.get("/admin?view=table")).text)
    assert "node-002" in table and "2 of 4" in table


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"node-001", "node-002", "node-003"}),
        ("?type=cpu", {"node-003"}),
        ("?state=in_use", {"node-002"}),
        ("?q=TRAIN", {"node-002"}),
        ("?q=m00003", {"node-003"}),
        ("?q=nothing", set()),
    ],
)
async def test_the_filter_is_in_the_address(query: str, shown: set[str], runtime, sign_in_as) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await machine(runtime, ada, (await node_ids(runtime))[1], slots=(0,), sku="l40sx4", state="active", name="train-07")
    markup = (await olga.client.get(f"/admin{query}")).text
    assert set(re.findall(r"node-\d{3}", markup)) == shown
    fragment = await olga.client.get(f"/admin/fleet{query}")
    assert "<html" not in fragment.text and set(re.findall(r"node-\d{3}", fragment.text)) == shown
    names = {item["hostname"] for item in (await olga.client.get(f"/api/v1/admin/fleet{query}")).json()["items"]}
    assert names == shown


async def test_what_is_past_its_time_is_told_with_its_workflow(runtime, sign_in_as) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    allocation = await machine(runtime, ada, None, sku="h100x8", state="requested", name="late-one")
    assert (await olga.client.get("/api/v1/admin/stuck")).json()["items"] == []
    await age(runtime, allocation, timedelta(minutes=10))
    items = (await olga.client.get("/api/v1/admin/stuck")).json()["items"]
    assert [(item["kind"], item["name"], item["state"], item["learned"]) for item in items] == [
        ("machine", "late-one", "requested", False)
    ]
    assert items[0]["workflow_id"] == f"provision/{allocation}" and items[0]["age_seconds"] >= 600
    said = words((await olga.client.get("/admin")).text)
    assert "What is stuck" in said and "late-one" in said and "2 m 00 s, by policy" in said


async def test_what_is_stuck_says_what_became_of_its_last_request(runtime, sign_in_as) -> None:
    await plant(runtime)
    await see(runtime, KINDS)
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    allocation = await machine(runtime, ada, None, sku="h100x8", state="requested", name="late-one")
    await age(runtime, allocation, timedelta(minutes=10))

    async def request() -> tuple[object, ...] | None:
        [item] = (await olga.client.get("/api/v1/admin/stuck")).json()["items"]
        asked = item["request"]
        return asked and (asked["effect"], asked["state"], asked["attempts"], asked["error"])

    assert await request() is None
    async with runtime.context(SYSTEM) as ctx:
        await start_provisioning(ctx, await AllocationRepository(ctx.session).get(allocation))
    assert await request() == ("start", "waiting", 0, "")
    async with runtime.context(SYSTEM) as ctx:
        row = "UPDATE shared.outbox_events SET attempts = 3, last_error = 'no broker' WHERE aggregate_id = :id"
        await ctx.session.execute(text(row), {"id": allocation})
    assert await request() == ("start", "failing", 3, "no broker")
    assert "start failed 3 times, tried again: no broker" in words((await olga.client.get("/admin")).text)
    async with runtime.context(SYSTEM) as ctx:
        row = "UPDATE shared.outbox_events SET published_at = clock_timestamp() WHERE aggregate_id = :id RETURNING id"
        [row_id] = await ctx.session.scalars(text(row), {"id": allocation})
    assert await request() == ("start", "delivered", 3, "")
    async with runtime.context(SYSTEM) as ctx:
        letter = "INSERT INTO shared.dead_letters (id, source, name, message_id, body, error, attempts) "
        await ctx.session.execute(text(letter + "VALUES (:id, 'relay', 'x', :id, '{}', 'gone', 12)"), {"id": row_id})
    assert await request() == ("start", "given_up", 3, "gone")
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text("DELETE FROM shared.outbox_events WHERE id = :id"), {"id": row_id})
    assert await request() == ("start", "delivered", 0, "")


@pytest.mark.parametrize("role", ["platform_admin", "platform_operator", "platform_finance", "platform_auditor"])
async def test_every_role_of_the_platform_sees_the_map_and_nobody_else(role: str, runtime, sign_in_as) -> None:
    person = await operator_of(runtime, sign_in_as, role)
    assert (await person.client.get("/admin")).status_code == 200
    assert (await person.client.get("/api/v1/admin/stuck")).status_code == 200
    nodes = 403 if role == "platform_finance" else 404
    assert (await person.client.get("/admin/fleet/none")).status_code == nodes
    assert (await (await sign_in_as("ada")).client.get("/admin")).status_code == 403


async def test_500_nodes_are_few_statements_a_light_page_and_under_a_second(runtime, sign_in_as) -> None:
    await plant(runtime)
    await see(runtime, ("h100x8",) * 480 + ("l40sx4",) * 20)
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await give_credit(runtime, ada, 100 * USD)
    await olga.client.get("/admin")  # the templates are compiled once in a process
    with statements(runtime, "inventory.node") as seen:
        began = time.perf_counter()
        answer = await olga.client.get("/admin")
        seconds = time.perf_counter() - began
    assert answer.status_code == 200 and len(seen) == 1, seen
    packed = len(gzip.compress(answer.content, 6))
    print(f"500 nodes: {seconds * 1000:.0f} ms, {len(answer.content)} bytes, {packed} packed")
    assert seconds < 1 and packed < 20_000 and len(answer.content) < 200_000
    assert "300 of 500 nodes" in words(answer.text)
    [after] = re.findall(r'href="/admin\?after=(m\d+)"', answer.text)
    rest = (await olga.client.get(f"/admin?after={after}")).text
    assert "200 of 500 nodes" in words(rest) and "after=" in rest and "Next nodes" not in rest
    first, second = (set(re.findall(r"node-\d{3}", text)) for text in (answer.text, rest))
    assert len(first) == 300 and len(second) == 200 and not first & second
    async with runtime.context(SYSTEM) as ctx:
        assert await ctx.session.scalar(text("SELECT count(*) FROM inventory.node_resource_slots")) == 3_920
