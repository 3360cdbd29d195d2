"""Limits hold for sums, and what guards is guarded as well: nobody gives more alone, whatever they do before."""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.domains.admin.policies import ALONE_MAXIMUM, ALONE_WINDOW
from app.domains.admin.service import adjustments, approvals, policies, refunds
from app.domains.admin.service.adjustments import DecideAdjustment, RequestAdjustment
from app.domains.admin.service.approvals import DecideRequest
from app.domains.admin.service.policies import SetPolicy
from app.domains.auth import public as auth
from app.domains.auth.contracts.customers import SuspendPerson
from app.domains.billing import public as billing
from app.domains.billing.contracts import PostCredit
from app.domains.payments.contracts import RequestRefund
from app.shared.approval import ACTIONS
from app.shared.authz.actor import SYSTEM, Actor
from app.shared.context import Runtime
from app.shared.errors import DomainError
from app.shared.ids import new_id
from app.shared.money import Micro
from app.shared.policy import POLICIES
from app.shared.use_case import permission_of
from tests.domains.admin.helpers import audited, give_role, words
from tests.fixtures.app import Browser, tenant_of
from tests.fixtures.clock import FakeClock

pytestmark = pytest.mark.commits
UNIT = 1_000_000
LIMIT = ALONE_MAXIMUM.default
ROLES = ("platform_admin", "platform_finance")
PAID = text("""
    INSERT INTO payments.payment_sessions (id, tenant_id, amount, currency, status, stripe_session_id,
                                           payment_intent_id, created_at, updated_at, paid_at)
    VALUES (:id, :tenant_id, :amount, 'USD', 'paid', 'cs_' || CAST(:id AS uuid), 'pi_' || CAST(:id AS uuid), now(),
            now(), now())
""")
GIVEN = text("""
    SELECT coalesce(sum(a.amount), 0)::bigint FROM admin.value_acts a
    WHERE a.decision = 'alone' AND a.amount > 0 AND a.requested_by = ANY(:people) AND a.asked_at > :since
""")


@pytest.fixture
async def desk(runtime: Runtime, sign_in_as: Any) -> tuple[Browser, Browser, UUID]:
    """Olga, another operator, and a customer with three paid payments of 100.00."""
    ada = await sign_in_as("ada")
    olga, otto = await sign_in_as("olga", operator=True), await sign_in_as("otto")
    for role in ROLES:
        await give_role(runtime, otto, role)
    return olga, await _again(runtime, otto), tenant_of(ada)


async def _again(runtime: Runtime, person: Browser) -> Browser:
    """The same browser, with the roles that it has by now."""
    cookie = person.client.cookies[runtime.settings.web.cookie("session")]
    return Browser(person.client, await auth.resolve_actor(runtime, cookie, None), person.csrf)


async def _pay(runtime: Runtime, tenant_id: UUID, units: int = 100) -> UUID:
    payment_id, amount = new_id(), Micro(units * UNIT)
    async with runtime.context(SYSTEM) as ctx:
        await billing.open_accounts(ctx, tenant_id, "USD")
        await ctx.session.execute(PAID, {"id": payment_id, "tenant_id": tenant_id, "amount": amount})
        credit = PostCredit(
            tenant_id=tenant_id, amount=amount, currency="USD", reference=f"payment:{payment_id}", source="payment",
            cause_id=payment_id,
        )  # fmt: skip
        await billing.post_credit(ctx, credit)
    return payment_id


async def _correct(runtime: Runtime, actor: Actor, tenant_id: UUID, units: float) -> str:
    async with runtime.context(actor) as ctx:
        command = RequestAdjustment(tenant_id=tenant_id, amount=Micro(int(units * UNIT)), reason="goodwill")
        return (await adjustments.request_adjustment(ctx, command)).status


async def _refund(runtime: Runtime, actor: Actor, payment_id: UUID, units: int) -> str:
    async with runtime.context(actor) as ctx:
        command = RequestRefund(payment_id=payment_id, amount=Micro(units * UNIT), reason="asked by mail")
        return (await refunds.request_refund(ctx, command)).status


async def _set(runtime: Runtime, actor: Actor, key: str, value: Any, tenant_id: UUID | None = None) -> UUID | None:
    """The request that waits, None when it is in force."""
    async with runtime.context(actor) as ctx:
        command = SetPolicy(key=key, value=value, reason="a try", tenant_id=tenant_id)
        outcome = await policies.set_policy(ctx, command)
    return outcome.asked.request_id if outcome.asked else None


async def _approve(runtime: Runtime, actor: Actor, request_id: UUID) -> None:
    async with runtime.context(actor) as ctx:
        await approvals.approve_request(ctx, DecideRequest(request_id=request_id))


async def test_small_corrections_and_refunds_add_up_to_one_limit(runtime: Runtime, desk: Any) -> None:
    olga, otto, tenant_id = desk
    payment_id = await _pay(runtime, tenant_id)
    assert [await _correct(runtime, olga.actor, tenant_id, 20) for _ in range(2)] == ["approved", "approved"]
    assert await _correct(runtime, olga.actor, tenant_id, 10.01) == "requested"
    assert await _refund(runtime, olga.actor, payment_id, 10) == "requested"  # what is asked for counts as well
    assert await _correct(runtime, otto.actor, tenant_id, 20) == "requested"  # two people, one organisation
    left = (await olga.client.get(f"/api/v1/admin/left-alone?tenant={tenant_id}")).json()
    assert (left["left"], left["limit"], left["window_hours"]) == (0, LIMIT, 24)
    detail = (await olga.client.get(f"/api/v1/admin/payments/{payment_id}")).json()
    assert detail["alone"]["of_payment"] == 40 * UNIT and detail["alone"]["left"] == 0
    assert "You may still give $0.00 alone" in words(
        (await olga.client.get(f"/admin/money/payments/{payment_id}")).text
    )
    assert "to this organisation" in words((await olga.client.get(f"/admin/money/corrections?tenant={tenant_id}")).text)


async def test_the_sum_is_the_persons_over_all_organisations(runtime: Runtime, desk: Any, sign_in_as: Any) -> None:
    olga, otto, tenant_id = desk
    others = [tenant_of(await sign_in_as(name)) for name in ("ben", "eve")]
    assert await _correct(runtime, olga.actor, others[0], 30) == "approved"
    assert await _correct(runtime, olga.actor, others[1], 30) == "requested"
    assert await _correct(runtime, otto.actor, tenant_id, 50) == "approved"
    assert await _correct(runtime, otto.actor, tenant_id, -50) == "approved"  # taking is counted on its own
    assert await _correct(runtime, otto.actor, tenant_id, 0.01) == "requested"  # and makes no room


async def test_a_rejected_request_frees_its_part_and_the_window_passes(runtime: Runtime, desk: Any) -> None:
    olga, otto, tenant_id = desk
    runtime.clock = clock = FakeClock()
    async with runtime.context(olga.actor) as ctx:
        command = RequestAdjustment(tenant_id=tenant_id, amount=Micro(60 * UNIT), reason="too much")
        wanted = await adjustments.request_adjustment(ctx, command)
    assert await _correct(runtime, olga.actor, tenant_id, 1) == "requested"
    async with runtime.context(otto.actor) as ctx:
        await adjustments.reject_adjustment(ctx, DecideAdjustment(adjustment_id=wanted.id, reason="not now"))
    assert await _correct(runtime, olga.actor, tenant_id, 49) == "approved"
    clock.advance(timedelta(hours=ALONE_WINDOW.default - 1).total_seconds())
    assert await _correct(runtime, olga.actor, tenant_id, 49) == "requested"
    clock.advance(timedelta(hours=ALONE_WINDOW.default + 1).total_seconds())
    assert await _correct(runtime, olga.actor, tenant_id, 50) == "approved"


async def test_thirty_two_at_once_never_pass_the_sum(runtime: Runtime, desk: Any) -> None:
    olga, otto, tenant_id = desk
    payments = [await _pay(runtime, tenant_id) for _ in range(3)]

    async def act(number: int) -> str:
        actor = (olga, otto)[number % 2].actor
        if number % 3:
            return await _refund(runtime, actor, payments[number % 3], 3)
        return await _correct(runtime, actor, tenant_id, 3)

    done = await asyncio.gather(*(act(number) for number in range(32)))
    assert len([status for status in done if status != "requested"]) == 16  # 48 of 50
    async with runtime.context(SYSTEM) as ctx:
        assert (await billing.verify_ledger(ctx)).ok


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (ALONE_MAXIMUM.name, 9_000 * UNIT),
        (ALONE_WINDOW.name, 24),
        ("admin.correction_maximum", 1_000_000 * UNIT),
        ("inventory.price_notice_hours", 0),
        ("provisioning.share_across_tenants", True),
    ],
)
async def test_a_guard_is_weakened_by_two_people_only(runtime: Runtime, desk: Any, key: str, value: Any) -> None:
    olga, otto, tenant_id = desk
    if key == ALONE_WINDOW.name:
        assert await _set(runtime, olga.actor, key, 100) is None  # a longer window is stricter
    places = [None, tenant_id]
    for place in places:
        request_id = await _set(runtime, olga.actor, key, value, place)
        assert request_id is not None
        with pytest.raises(DomainError, match="second person"):
            await _approve(runtime, olga.actor, request_id)
    async with runtime.context(SYSTEM) as ctx:
        assert await ctx.policy(POLICIES[key], tenant_id) != value  # type: ignore[arg-type]
    await _approve(runtime, otto.actor, request_id)
    async with runtime.context(SYSTEM) as ctx:
        assert await ctx.policy(POLICIES[key], tenant_id) == value  # type: ignore[arg-type]
    rows = {(row["action"], row["actor_id"]) for row in await audited(runtime) if row["result"] == "allowed"}
    assert {("policy.set", otto.actor.id), ("change.approve", otto.actor.id)} <= rows


async def test_taking_back_what_is_stricter_weakens_too_and_tightening_does_not(runtime: Runtime, desk: Any) -> None:
    olga, otto, tenant_id = desk
    assert await _set(runtime, olga.actor, ALONE_MAXIMUM.name, 10 * UNIT, tenant_id) is None
    assert await _correct(runtime, olga.actor, tenant_id, 11) == "requested"
    request_id = await _set(runtime, olga.actor, ALONE_MAXIMUM.name, None, tenant_id)
    assert request_id is not None
    await _set(runtime, otto.actor, ALONE_MAXIMUM.name, 5 * UNIT)  # the key changes meanwhile
    with pytest.raises(DomainError, match="changed"):
        await _approve(runtime, otto.actor, request_id)


async def test_over_the_api_a_weakened_guard_answers_202_and_waits(desk: Any) -> None:
    olga, otto, _ = desk
    path = f"/api/v1/admin/policies/{ALONE_MAXIMUM.name}"
    assert (await olga.client.get(path)).json()["guard"] == "up"
    headers = {"sec-fetch-site": "same-origin", "x-csrftoken": olga.csrf, "x-idempotency-key": str(new_id())}
    body = {"value": 9_000 * UNIT, "reason": "a busy day"}
    asked = await olga.client.put(path, json=body, headers=headers)
    assert asked.status_code == 202 and asked.json()["status"] == "requested"
    again = await olga.client.put(path, json=body, headers=headers)
    assert (again.status_code, again.json()) == (202, asked.json())
    request = f"/api/v1/admin/change-requests/{asked.json()['request_id']}"
    assert (await olga.client.get(request)).json()["may_decide"] is False
    assert (await olga.post_json(f"{request}/approve", {"reason": ""})).status_code == 403
    page = words((await otto.client.get(f"/admin/approvals/{asked.json()['request_id']}")).text)
    assert "50000000 becomes 9000000000" in page and "a busy day" in page and "Approve" in page
    assert (await otto.post_json(f"{request}/approve", {"reason": "seen"})).status_code == 200
    assert (await otto.post_json(f"{request}/approve", {"reason": "seen"})).status_code == 409
    assert (await olga.client.get(path)).json()["value"] == 9_000 * UNIT
    listed = (await olga.client.get("/api/v1/admin/change-requests?state=approved")).json()["items"]
    assert [row["decision_reason"] for row in listed] == ["seen"]
    preview = words((await olga.client.get(f"/admin/policies/{ALONE_MAXIMUM.name}?value=9900000000")).text)
    assert "Needs a second person" in preview and "Request" in preview


async def test_who_may_not_do_the_action_may_not_approve_it(runtime: Runtime, desk: Any, sign_in_as: Any) -> None:
    olga, _, _ = desk
    request_id = await _set(runtime, olga.actor, ALONE_MAXIMUM.name, 60 * UNIT)
    ben, ada = await sign_in_as("ben"), await sign_in_as("nils")
    await give_role(runtime, ben, "platform_finance")  # moves money, sets no policies
    path = f"/admin/approvals/{request_id}"
    assert (await ben.post(f"{path}/approve", reason="fine")).status_code == 403
    assert (await ben.post(f"{path}/reject", reason="not fine")).status_code == 403
    assert (await ada.client.get(path)).status_code == 403
    assert (await olga.post(f"{path}/reject", reason="")).status_code == 422
    assert (await olga.post(f"{path}/reject", reason="a slip")).status_code == 303  # one's own is taken back
    assert "a slip" in (await olga.client.get(path)).text


async def test_an_operator_is_shut_out_by_two_people_only(runtime: Runtime, desk: Any, sign_in_as: Any) -> None:
    olga, otto, _ = desk
    path = f"/api/v1/admin/people/{otto.actor.id}"
    asked = await olga.post_json(f"{path}/suspend", {"reason": "in my way"})
    assert asked.status_code == 202, asked.text
    assert (await otto.client.get("/admin/money")).status_code == 200
    kim = await sign_in_as("kim")
    await give_role(runtime, kim, "platform_admin")
    request = f"/admin/approvals/{asked.json()['request_id']}"
    assert (await kim.post(f"{request}/approve", reason="seen")).status_code == 303
    async with runtime.context(SYSTEM) as ctx:
        assert await ctx.session.scalar(
            text("SELECT suspended_at IS NOT NULL FROM auth.users WHERE id = :id"), {"id": otto.actor.id}
        )
    back = await olga.post(f"/admin/customers/people/{otto.actor.id}/resume", reason="back again")
    assert back.headers["location"].startswith("/admin/approvals/")
    ordinary = await sign_in_as("mia")
    gone = await olga.post_json(f"/api/v1/admin/people/{ordinary.actor.id}/suspend", {"reason": "stolen laptop"})
    assert gone.status_code == 200 and gone.json()["suspended"] is True


async def test_two_accounts_of_one_person_are_one_person(runtime: Runtime, desk: Any, sign_in_as: Any) -> None:
    olga, _, tenant_id = desk
    twin = await sign_in_as("olga-again", operator=True)  # another subject, the same verified address
    assert twin.actor.id != olga.actor.id
    request_id = await _set(runtime, olga.actor, ALONE_MAXIMUM.name, 60 * UNIT)
    assert request_id is not None
    with pytest.raises(DomainError, match="second person"):
        await _approve(runtime, twin.actor, request_id)
    assert await _correct(runtime, olga.actor, tenant_id, 30) == "approved"
    assert await _correct(runtime, twin.actor, tenant_id, 30) == "requested"


async def test_a_request_that_waited_too_long_is_asked_for_again(runtime: Runtime, desk: Any) -> None:
    olga, otto, _ = desk
    runtime.clock = clock = FakeClock()
    request_id = await _set(runtime, olga.actor, ALONE_MAXIMUM.name, 60 * UNIT)
    assert request_id is not None
    clock.advance(timedelta(days=15).total_seconds())
    with pytest.raises(DomainError, match="days ago"):
        await _approve(runtime, otto.actor, request_id)


async def test_the_database_refuses_an_approval_by_who_asked(runtime: Runtime, desk: Any) -> None:
    olga, _, _ = desk
    request_id = await _set(runtime, olga.actor, ALONE_MAXIMUM.name, 60 * UNIT)
    changes = (
        "UPDATE shared.change_requests SET status = 'approved', decided_at = now(), decided_by = requested_by",
        "UPDATE shared.change_requests SET command = '{}'",
        "DELETE FROM shared.change_requests",
        "UPDATE admin.value_acts SET amount = 1",
        "DELETE FROM admin.value_acts",
    )
    assert request_id is not None
    for change in changes:
        with pytest.raises(Exception, match=r"change_requests_check|permission denied"):
            async with runtime.context(SYSTEM) as ctx:
                await ctx.session.execute(text(change))


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_one_operator_does_alone_stays_within_the_limit(runtime: Runtime, desk: Any, seed: int) -> None:
    """Thirty acts in a random order, by one person with two accounts: what they gave alone in any window is at most the
    limit that was in force."""
    olga, otto, tenant_id = desk
    runtime.clock = clock = FakeClock()
    chance = random.Random(seed)
    payments = [await _pay(runtime, tenant_id) for _ in range(2)]
    asked: list[UUID] = []

    async def act() -> None:
        match chance.randrange(9):
            case 0 | 1 | 2:
                await _correct(runtime, olga.actor, tenant_id, chance.choice([1, 5, 20, 50, 51, -10]))
            case 3 | 4:
                await _refund(runtime, olga.actor, chance.choice(payments), chance.choice([1, 9, 25, 60]))
            case 5:
                place = chance.choice([None, tenant_id])
                asked.append(
                    await _set(runtime, olga.actor, ALONE_MAXIMUM.name, chance.choice([None, 10**10, UNIT]), place)
                    or new_id()
                )
            case 6:
                asked.append(
                    await _set(runtime, olga.actor, ALONE_WINDOW.name, chance.choice([None, 24, 400])) or new_id()
                )
            case 7:
                async with runtime.context(olga.actor) as ctx:
                    await auth.suspend_person(ctx, SuspendPerson(user_id=otto.actor.id, suspend=True, reason="alone"))
            case _:
                for request_id in asked:
                    with suppress(DomainError):
                        await _approve(runtime, olga.actor, request_id)

    for _ in range(30):
        with suppress(DomainError):
            await act()
        clock.advance(timedelta(hours=chance.choice([0, 0, 0, 1, 5])).total_seconds())
        async with runtime.context(SYSTEM) as ctx:
            since = await ctx.now() - timedelta(hours=ALONE_WINDOW.minimum or 0)
            given = await ctx.session.scalar(GIVEN, {"people": [olga.actor.id], "since": since})
        assert int(given or 0) <= LIMIT
    assert (await otto.client.get("/admin/money")).status_code == 200


def test_every_action_that_waits_for_two_is_a_privileged_one() -> None:
    assert set(ACTIONS) >= {"policy.set", "person.suspend", "person.resume"} and all(map(permission_of, ACTIONS))


def test_every_policy_has_bounds() -> None:
    for key in POLICIES.values():
        if type(key.default) is int:
            assert key.minimum is not None and key.maximum is not None, key.name
            assert key.minimum <= key.default <= key.maximum <= 2**53, key.name
        if type(key.default) is str:
            assert key.pattern is not None, key.name
        key.check(key.default)
