"""How an operator asks for each change: of the fleet, the catalog, the money, the customers and the system."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.changes.customer import release, requested
from tests.api.changes.world import Ask, Recipe, World, plain
from tests.domains.admin.helpers import give_role
from tests.domains.admin.test_operations import _bury
from tests.domains.provisioning.world import USD
from tests.fixtures.app import tenant_of

WHY, WHY_NOT = {"reason": "a ticket"}, {"reason": "another ticket"}
LATER = (datetime.now(UTC) + timedelta(days=30)).isoformat()
CASE = """
    INSERT INTO payments.cases (id, kind, subject, summary, opened_at)
    VALUES (gen_random_uuid(), 'mismatch', 'evt_1', 'an event about something else', now()) RETURNING id
"""
MESSAGE = """
    INSERT INTO payments.payment_events (id, provider, event_id, type, body, received_at, processed_at)
    VALUES (gen_random_uuid(), 'stripe', 'evt_1', 'charge.refunded', '{}', now(), now()) RETURNING id
"""


def reasoned(who: str = "olga", **path: Any) -> Ask:
    return Ask(who, WHY, WHY_NOT, path=path)


# -- fleet ---------------------------------------------------------------------------------------------------------


def on_node(*before: str, body: dict[str, Any] | None = WHY, **more: Any) -> Recipe:
    """A change of the free node, after these other ones."""

    async def recipe(w: World) -> Ask:
        for verb in before:
            await w.do("olga", "POST", f"/admin/nodes/{w.nodes[0]}/{verb}", WHY)
        return Ask("olga", body and {**body, **more}, WHY_NOT if body else {}, path={"node_id": w.nodes[0]})

    return recipe


async def lift_quarantine(w: World) -> Ask:
    from app.domains.inventory import public
    from app.shared.authz.actor import SYSTEM

    async with w.runtime.context(SYSTEM) as ctx:
        await public.quarantine(ctx, w.nodes[0], "no answer on SSH")
    return reasoned(node_id=w.nodes[0])


async def empty(w: World) -> Ask:
    await w.machine()
    return reasoned(node_id=w.nodes[1])


async def end_maintenance(w: World) -> Ask:
    made = await w.do("olga", "POST", f"/admin/nodes/{w.nodes[0]}/maintenance", {**WHY, "ends_at": LATER})
    return Ask("olga", path={"node_id": w.nodes[0], "window_id": made["id"]})


async def release_theirs(w: World) -> Ask:
    return reasoned(**(await release(w)).path)


async def cancel_theirs(w: World) -> Ask:
    return reasoned(allocation_id=await requested(w))


# -- catalog -------------------------------------------------------------------------------------------------------


async def edit_image(w: World) -> Ask:
    image = (await w.items("/admin/images", "olga"))[0]
    return Ask("olga", {"title": "Mill"}, {"title": "Farm"}, path={"image_id": image["id"]})


async def edit_sku(w: World) -> Ask:
    return Ask("olga", {"title": "Mill"}, {"title": "Farm"}, path={"code": "h100x8"})


async def _price(w: World, **more: Any) -> str:
    body = {"sku": "cpu", "per_hour": 1_910_000, "reason": "a ticket", **more}
    return await w.make("/admin/prices", body, "olga", "price_version_id")


async def undo_price(w: World) -> Ask:
    return reasoned(price_id=await _price(w, per_hour=1_100_000))


async def withdraw_price(w: World) -> Ask:
    return reasoned(price_id=await _price(w, effective_from=LATER))


# -- money ---------------------------------------------------------------------------------------------------------


async def correct(w: World) -> Ask:
    body = {"tenant_id": str(tenant_of(w.ada)), "amount": USD, **WHY}
    return Ask("olga", body, {"amount": 2 * USD})


def on_correction() -> Recipe:
    async def recipe(w: World) -> Ask:
        body = {"tenant_id": str(tenant_of(w.ada)), "amount": 90 * USD, **WHY}
        return reasoned("otto", adjustment_id=await w.make("/admin/corrections", body, "olga"))

    return recipe


async def _paid(w: World) -> Any:
    return await w.payment()


async def refund(w: World) -> Ask:
    return Ask("olga", {"amount": USD, **WHY}, {"amount": 2 * USD}, path={"payment_id": await _paid(w)})


def on_refund() -> Recipe:
    async def recipe(w: World) -> Ask:
        path = f"/admin/payments/{await _paid(w)}/refunds"
        return reasoned("otto", refund_id=await w.make(path, {"amount": 90 * USD, **WHY}, "olga", "refund_id"))

    return recipe


async def decide_case(w: World) -> Ask:
    return reasoned(case_id=(await w.run(CASE)).scalar_one())


async def replay_event(w: World) -> Ask:
    return Ask("olga", path={"message_id": (await w.run(MESSAGE)).scalar_one()})


# -- customers and system ------------------------------------------------------------------------------------------


async def suspend_customer(w: World) -> Ask:
    return reasoned(tenant_id=tenant_of(w.ada))


async def resume_customer(w: World) -> Ask:
    await w.do("olga", "POST", f"/admin/customers/{tenant_of(w.ada)}/suspend", WHY)
    return await suspend_customer(w)


async def suspend_person(w: World) -> Ask:
    return reasoned(user_id=w.ben.actor.id)


async def resume_person(w: World) -> Ask:
    await w.do("olga", "POST", f"/admin/people/{w.ben.actor.id}/suspend", WHY)
    return await suspend_person(w)


async def on_request(w: World) -> Ask:
    """Suspending an operator waits for another one."""
    await give_role(w.runtime, w.ben, "platform_auditor")
    await w.do("olga", "POST", f"/admin/people/{w.ben.actor.id}/suspend", WHY)
    [waiting] = await w.items("/admin/change-requests", "olga")
    return reasoned("otto", request_id=waiting["id"])


async def set_policy(_w: World) -> Ask:
    body = {"value": 30, **WHY}
    return Ask("olga", body, {"value": 31}, path={"key": "admin.change_request_days"})


async def withdraw_announcement(w: World) -> Ask:
    return Ask("olga", path={"announcement_id": await w.make("/admin/announcements", {"text": "mill"}, "olga")})


def on_letters(**ask: Any) -> Recipe:
    async def recipe(w: World) -> Ask:
        for _ in range(2):
            await _bury(w.runtime)
        letter = (await w.items("/admin/dead-letters", "olga"))[0]["id"]
        return Ask("olga", **ask, path={"letter_id": letter})

    return recipe


MAINTENANCE = {"ends_at": LATER}
SKU = {"code": "mill", "title": "Mill", "cpu_count": 8, "memory_gib": 64, "network_gbps": 10, "sells_slots": False}
IMAGE = {"code": "mill", "title": "Mill", "osystem": "ubuntu", "distro_series": "oracular"}
TITLE = {"title": "Farm"}

RECIPES: dict[str, Recipe] = {
    "POST /admin/nodes/{node_id}/cordon": on_node(),
    "POST /admin/nodes/{node_id}/uncordon": on_node("cordon", body=None),
    "POST /admin/nodes/{node_id}/drain": on_node(),
    "POST /admin/nodes/{node_id}/retire": on_node(),
    "POST /admin/nodes/{node_id}/lift-quarantine": lift_quarantine,
    "POST /admin/nodes/{node_id}/empty": empty,
    "POST /admin/nodes/{node_id}/maintenance": on_node(**MAINTENANCE),
    "POST /admin/nodes/{node_id}/maintenance/{window_id}/end": end_maintenance,
    "POST /admin/allocations/{allocation_id}/cancel": cancel_theirs,
    "POST /admin/allocations/{allocation_id}/release": release_theirs,
    "POST /admin/images": plain("olga", **IMAGE, other=TITLE),
    "PATCH /admin/images/{image_id}": edit_image,
    "POST /admin/skus": plain("olga", **SKU, other=TITLE),
    "PATCH /admin/skus/{code}": edit_sku,
    "POST /admin/prices": plain("olga", sku="cpu", per_hour=1_910_000, **WHY, other={"per_hour": 1_920_000}),
    "POST /admin/prices/{price_id}/undo": undo_price,
    "POST /admin/prices/{price_id}/withdraw": withdraw_price,
    "POST /admin/corrections": correct,
    "POST /admin/corrections/{adjustment_id}/approve": on_correction(),
    "POST /admin/corrections/{adjustment_id}/reject": on_correction(),
    "POST /admin/payments/{payment_id}/refunds": refund,
    "POST /admin/refunds/{refund_id}/approve": on_refund(),
    "POST /admin/refunds/{refund_id}/reject": on_refund(),
    "POST /admin/payment-cases/{case_id}/decide": decide_case,
    "POST /admin/payment-events/{message_id}/replay": replay_event,
    "POST /admin/ledger/verify": plain("olga"),
    "POST /admin/customers/{tenant_id}/suspend": suspend_customer,
    "POST /admin/customers/{tenant_id}/resume": resume_customer,
    "POST /admin/people/{user_id}/suspend": suspend_person,
    "POST /admin/people/{user_id}/resume": resume_person,
    "POST /admin/change-requests/{request_id}/approve": on_request,
    "POST /admin/change-requests/{request_id}/reject": on_request,
    "PUT /admin/policies/{key}": set_policy,
    "POST /admin/announcements": plain("olga", text="mill", other={"text": "farm"}),
    "POST /admin/announcements/{announcement_id}/withdraw": withdraw_announcement,
    "POST /admin/audit/export": plain("olga", format="csv", other={"format": "jsonl"}),
    "POST /admin/dead-letters/redrive": on_letters(body={"source": "consumer"}, other={"source": None}),
    "POST /admin/dead-letters/{letter_id}/redrive": on_letters(),
    "POST /admin/dead-letters/{letter_id}/discard": on_letters(body=WHY, other=WHY_NOT),
}
