"""What operators see and do with machines of all tenants: who may, what the customer reads, what is on record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domains.billing import public as billing
from app.shared.authz.actor import SYSTEM
from app.shared.ids import new_id
from tests.domains.inventory.stock import node_ids, plant, see
from tests.domains.inventory.test_pages import words
from tests.domains.provisioning.hall import age, machine, operator_of
from tests.domains.provisioning.test_pages import give_credit
from tests.domains.provisioning.world import USD

KINDS = ("h100x8", "l40sx4", "cpu")
WHY = "the host is failing"


@pytest.fixture
async def hall(runtime, sign_in_as):
    """Ada with a paid machine on a node, and one that starts; Ben with one slot of the same node; Olga."""
    await plant(runtime)
    await see(runtime, KINDS)
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    olga = await sign_in_as("olga", operator=True)
    nodes = await node_ids(runtime)
    await give_credit(runtime, ada, 100 * USD)
    running = await machine(runtime, ada, nodes[1], slots=(0, 1), name="train-07", metered=True)
    starting = await machine(runtime, ada, None, sku="h100x8", state="requested", name="eval-01")
    bens = await machine(runtime, ben, nodes[1], slots=(2,), name="sweep", state="configuring")
    return {"ada": ada, "ben": ben, "olga": olga, "nodes": nodes, "running": running, "starting": starting,
            "bens": bens}  # fmt: skip


async def names(browser, query: str) -> list[str]:
    answer = await browser.client.get(f"/api/v1/admin/allocations{query}")
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def test_the_list_is_of_all_tenants_and_narrows_by_every_filter(hall, runtime) -> None:
    olga, ada = hall["olga"], hall["ada"]
    assert await names(olga, "") == ["sweep", "eval-01", "train-07"]
    assert await names(olga, "?state=active") == ["train-07"]
    assert await names(olga, f"?tenant={ada.actor.tenant_id}") == ["eval-01", "train-07"]
    assert await names(olga, f"?project={ada.actor.project_id}&sku=h100x8") == ["eval-01"]
    assert await names(olga, f"?node={hall['nodes'][1]}") == ["sweep", "train-07"]
    assert await names(olga, "?q=TRAIN") == ["train-07"]
    assert await names(olga, f"?q={str(hall['starting'])[-8:]}") == ["eval-01"]
    assert await names(olga, "?stuck=true") == []
    await age(runtime, hall["starting"], timedelta(hours=1))
    assert await names(olga, "?stuck=true") == ["eval-01"]
    first = (await olga.client.get("/api/v1/admin/allocations?limit=2")).json()
    assert [item["name"] for item in first["items"]] == ["sweep", "eval-01"]
    assert await names(olga, f"?limit=2&cursor={first['next_cursor']}") == ["train-07"]
    page = words((await olga.client.get("/admin/allocations?state=active")).text)
    assert "train-07" in page and "eval-01" not in page and "$4.80 /h" in page
    fragment = (await olga.client.get("/admin/allocations/list?live=1")).text
    assert "<html" not in fragment and "sweep" in fragment


async def test_the_page_of_a_machine_says_whose_it_is_and_its_workflows(hall) -> None:
    markup = (await hall["olga"].client.get(f"/admin/allocations/{hall['running']}")).text
    said = words(markup)
    assert "Ada" in said and "Release…" in said and "node-002" in said
    assert f'data-copy="provision/{hall["running"]}"' in markup
    detail = (await hall["olga"].client.get(f"/api/v1/admin/allocations/{hall['running']}")).json()
    assert (detail["allocation"]["node"], detail["owner"]) == ("node-002", "Ada")


async def test_a_machine_taken_back_stops_the_meter_and_its_customer_reads_why(hall, runtime) -> None:
    olga, ada, place = hall["olga"], hall["ada"], f"/admin/allocations/{hall['running']}"
    assert (await olga.post(f"{place}/release", reason=WHY, confirm_name="train-08")).status_code == 422
    assert (await olga.post(f"{place}/release", reason=" ", confirm_name="train-07")).status_code == 422
    assert (await olga.post(f"{place}/release", reason=WHY, confirm_name="train-07")).status_code == 303
    again = await olga.post_json(f"/api/v1{place}/release", {"reason": "twice"})
    assert (again.status_code, again.json()["state"]) == (200, "releasing")
    said = words((await ada.client.get(f"/machines/{hall['running']}")).text)
    assert "An operator of Berth released this machine." in said and WHY in said and "twice" not in said
    async with runtime.context(SYSTEM) as ctx:
        assert (await billing.balance(ctx, ada.actor.tenant_id)).burn_per_hour == 0
        rows = await ctx.session.execute(
            text("SELECT payload::text AS body FROM shared.outbox_events WHERE name LIKE '%release_requested'")
        )
        assert ['"operator"' in row.body for row in rows] == [True]
        kept = await ctx.session.execute(
            text("SELECT details->>'reason' AS why FROM admin.audit_logs WHERE action = 'allocation.force_release'")
        )
        assert WHY in [row.why for row in kept]


async def test_a_launch_is_canceled_and_a_running_one_is_not(hall) -> None:
    olga = hall["olga"]
    answer = await olga.post_json(f"/api/v1/admin/allocations/{hall['starting']}/cancel", {"reason": WHY})
    assert answer.status_code == 200, answer.text
    said = words((await hall["ada"].client.get(f"/machines/{hall['starting']}")).text)
    assert "An operator of Berth canceled this launch." in said and WHY in said
    refused = await olga.post_json(f"/api/v1/admin/allocations/{hall['running']}/cancel", {"reason": WHY})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "allocation_not_cancelable")
    refused = await olga.post_json(f"/api/v1/admin/allocations/{hall['bens']}/release", {"reason": WHY})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "allocation_not_releasable")


async def test_a_node_is_emptied_one_by_one_with_a_result_for_each(hall) -> None:
    olga, place = hall["olga"], f"/admin/nodes/{hall['nodes'][1]}/empty"
    assert (await olga.post(place, reason=WHY, confirm_name="node-003")).status_code == 422
    answer = await olga.post(place, reason=WHY, confirm_name="node-002")
    assert answer.status_code == 200, answer.text
    said = words(answer.text)
    assert "train-07 Releasing" in said and "sweep Canceled" in said
    again = await olga.post_json(f"/api/v1{place}", {"reason": WHY})
    assert {item["name"]: item["outcome"] for item in again.json()["items"]} == {
        "train-07": "released", "sweep": "canceled",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("role", "may"),
    [("platform_admin", True), ("platform_operator", True), ("platform_finance", False), ("platform_auditor", False)],
)
async def test_only_operators_take_machines_back(role: str, may: bool, hall, runtime, sign_in_as) -> None:
    person = await operator_of(runtime, sign_in_as, role)
    page = await person.client.get(f"/admin/allocations/{hall['running']}")
    assert page.status_code == 200 and ("Release…" in page.text) is may
    answer = await person.post_json(f"/api/v1/admin/allocations/{hall['running']}/release", {"reason": WHY})
    assert answer.status_code == (200 if may else 403)
    if may:
        missing = await person.post_json(f"/api/v1/admin/allocations/{new_id()}/release", {"reason": WHY})
        assert missing.status_code == 404
