"""The same catalog and fleet for programs, and who may touch it."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.domains.inventory import public
from app.domains.inventory.service import nodes
from app.domains.inventory.service.nodes import CordonNode, UncordonNode
from app.shared.authz import Actor, ActorKind, Role, RoleBinding
from app.shared.authz.actor import ANONYMOUS, SYSTEM
from app.shared.context import Runtime
from app.shared.errors import Forbidden, Unauthenticated
from app.shared.ids import new_id
from tests.domains.inventory.stock import node_ids, plant, see


async def test_a_type_in_full(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, ("l40sx4",))
    ada = await sign_in_as("ada")
    skus = (await ada.client.get("/api/v1/skus")).json()
    assert [sku["code"] for sku in skus] == ["h100x8", "a100x8", "l40sx4", "cpu"]
    one = (await ada.client.get("/api/v1/skus/l40sx4")).json()
    assert one == skus[2]
    price = one.pop("price")
    assert {key: price[key] for key in ("currency", "per_hour", "per_gpu_hour")} == {
        "currency": "USD",
        "per_hour": 4_400_000,
        "per_gpu_hour": 1_100_000,
    }
    one.pop("id")
    assert one == {
        "code": "l40sx4",
        "title": "L40S ×4",
        "gpu_model": "L40S",
        "gpu_count": 4,
        "vram_gib": 48,
        "cpu_count": 64,
        "memory_gib": 512,
        "disks": [{"count": 2, "size_bytes": 3_840_755_982_336}],
        "network_gbps": 100,
        "sells_whole": True,
        "sells_slots": True,
        "next_price": None,
        "available": {"free_whole": 1, "free_slots": 4, "total": 1, "most_together": 4},
    }
    assert (await ada.client.get("/api/v1/skus/nothing")).status_code == 404


async def test_images_in_order(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    found = (await (await sign_in_as("ada")).client.get("/api/v1/images")).json()
    assert [(image["code"], image["is_default"]) for image in found] == [
        ("ubuntu/noble", True),
        ("custom/ml-noble", False),
        ("ubuntu/jammy", False),
    ]


async def test_the_fleet_is_filtered_and_a_made_up_cursor_refused(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, ("h100x8", "l40sx4", "cpu"))
    node = (await node_ids(runtime))[1]
    async with runtime.context(SYSTEM) as ctx:
        await public.quarantine(ctx, node, "no answer on SSH")
        await public.claim_slots(ctx, (await node_ids(runtime))[2], [0], holder := new_id())
    client = (await sign_in_as("olga", operator=True)).client

    async def names(**query: str) -> list[str]:
        items = (await client.get("/api/v1/admin/nodes", params=query)).json()["items"]
        return [item["hostname"] for item in items]

    assert await names() == ["node-001", "node-002", "node-003"]
    assert await names(state="quarantined") == ["node-002"]
    assert await names(sku="cpu") == ["node-003"]
    assert await names(search="00003") == ["node-003"]
    assert await names(search="NODE-001") == ["node-001"]
    assert await names(search="%") == []
    item = (await client.get("/api/v1/admin/nodes?sku=cpu")).json()["items"][0]
    assert (item["sku"], item["holders"], item["maas_state"]) == ("cpu", [str(holder)], "ready")
    refused = await client.get("/api/v1/admin/nodes?cursor=%21%21")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_error")


async def test_cordon_by_program_is_audited_told_once_and_repeatable(runtime: Runtime, sign_in_as: Any) -> None:
    await plant(runtime)
    await see(runtime, ("cpu",))
    (node,) = await node_ids(runtime)
    olga = await sign_in_as("olga", operator=True)
    path = f"/api/v1/admin/nodes/{node}"
    answers = [await olga.post_json(f"{path}/cordon", {"reason": "PSU swap"}, key="one") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["cordoned"] is True
    assert (await olga.post_json(f"{path}/uncordon", {})).json()["cordoned"] is False
    assert (await olga.post_json(f"/api/v1/admin/nodes/{new_id()}/cordon", {"reason": "gone"})).status_code == 404
    async with runtime.context(SYSTEM) as ctx:
        audit = await ctx.session.execute(
            text("SELECT action, result FROM admin.audit_logs WHERE target_id = :node ORDER BY id"), {"node": str(node)}
        )
        assert [tuple(row) for row in audit] == [("node.cordon", "allowed"), ("node.uncordon", "allowed")]
        told = await ctx.session.execute(
            text("SELECT name FROM shared.outbox_events WHERE name LIKE '%cordoned' ORDER BY id")
        )
        assert [row.name.rpartition(".")[2] for row in told] == ["cordoned", "uncordoned"]


OPERATORS = {Role.PLATFORM_ADMIN, Role.PLATFORM_OPERATOR}


@pytest.mark.parametrize("role", list(Role))
async def test_who_may_cordon(role: Role, runtime: Runtime) -> None:
    await plant(runtime)
    await see(runtime, ("cpu",))
    (node,) = await node_ids(runtime)
    tenant = None if role.value.startswith("platform") else new_id()
    actor = Actor(kind=ActorKind.USER, id=new_id(), tenant_id=tenant, bindings=(RoleBinding(role, tenant),))
    if role in OPERATORS:
        async with runtime.context(actor) as ctx:
            assert (await nodes.cordon_node(ctx, CordonNode(node_id=node, reason="PSU swap"))).cordoned
        async with runtime.context(actor) as ctx:
            assert not (await nodes.uncordon_node(ctx, UncordonNode(node_id=node))).cordoned
        return
    with pytest.raises(Forbidden):
        async with runtime.context(actor) as ctx:
            await nodes.cordon_node(ctx, CordonNode(node_id=node, reason="PSU swap"))
    async with runtime.context(SYSTEM) as ctx:
        assert (await public.get_node(ctx, node)).cordoned_at is None


async def test_nobody_cordons_without_signing_in(runtime: Runtime) -> None:
    with pytest.raises(Unauthenticated):
        async with runtime.context(ANONYMOUS) as ctx:
            await nodes.cordon_node(ctx, CordonNode(node_id=new_id(), reason="PSU swap"))


@pytest.mark.parametrize("path", ["/catalog", "/catalog/types", "/admin/nodes", "/admin/nodes/list"])
async def test_pages_send_strangers_to_sign_in(path: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(path)
    assert answer.status_code in (303, 401), answer.status_code


@pytest.mark.parametrize("path", ["/admin/nodes", "/admin/nodes/list", "/api/v1/admin/nodes"])
async def test_customers_see_no_nodes(path: str, sign_in_as: Any) -> None:
    assert (await (await sign_in_as("ada")).client.get(path)).status_code == 403
