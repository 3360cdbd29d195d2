"""Money goes back: two people, one Stripe, one ledger, and never more than was paid and is unspent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.admin.errors import SecondPersonNeeded
from app.domains.admin.rules.approval import check_second, may_alone, parse_amount
from app.domains.admin.service import ledger, refunds
from app.domains.billing import public as billing
from app.domains.payments.contracts import RequestRefund
from app.domains.payments.errors import RefundTooLarge
from app.domains.payments.rules import amounts
from app.domains.payments.service import refunds as sending
from app.registry import DOMAINS
from app.settings import StripeSettings
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import new_id
from app.shared.money import Micro
from tests.domains.admin.helpers import audited, give_role, words
from tests.domains.payments.buyer import Buyer
from tests.fixtures.app import tenant_of
from tests.fixtures.drain import drain
from tests.simulators.stripe_world import SECRET_KEY, WEBHOOK_SECRET, stripe_world

pytestmark = pytest.mark.commits
UNIT = 1_000_000


@asynccontextmanager
async def _open(runtime: Runtime, ada: Any, tmp_path: Path) -> AsyncIterator[Buyer]:
    """Ada has paid; Stripe, our relay and jobs are there."""
    buyer = Buyer(runtime, ada)
    async with stripe_world(tmp_path / "stripe", buyer.mailbox) as world:
        buyer.world = world
        settings = StripeSettings(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_url=world.url)
        runtime.settings = msgspec.structs.replace(runtime.settings, stripe=settings)
        yield buyer


@pytest.fixture
async def buyer(runtime: Runtime, sign_in_as: Any, tmp_path: Path) -> AsyncIterator[Buyer]:
    ada = await sign_in_as("ada")
    async with _open(runtime, ada, tmp_path) as buyer:
        await drain(runtime, DOMAINS)
        for letter in await buyer.buy("100"):
            await buyer.deliver(*letter)
        await drain(runtime, DOMAINS)
        assert await buyer.credit() == 100 * UNIT
        yield buyer


async def _news(buyer: Buyer, count: int) -> None:
    """The webhooks up to the `count`-th arrive and are worked off."""
    for letter in (await buyer.mailbox.collect(count))[3:]:
        assert await buyer.deliver(*letter) == 200
    await drain(buyer.runtime, DOMAINS)


async def _refund(browser: Any, payment_id: UUID, amount: str) -> str:
    answer = await browser.post(f"/admin/money/payments/{payment_id}/refund", amount=amount, reason="asked by mail")
    assert answer.status_code == 303, answer.text[:500]
    return str(answer.headers["location"].rsplit("/", 1)[1])


async def _verified(runtime: Runtime) -> None:
    async with runtime.context(SYSTEM) as ctx:
        report = await billing.verify_ledger(ctx)
    assert report.ok, billing.render_verify_report(report)


async def _house(runtime: Runtime, browser: Any) -> dict[str, int]:
    async with runtime.context(browser.actor) as ctx:
        return {row.kind: row.balance for row in await billing.house_balances(ctx)}


async def test_a_small_refund_goes_back_alone_and_is_settled_once(buyer: Buyer, sign_in_as: Any) -> None:
    runtime, (payment_id, _, _) = buyer.runtime, await buyer.payment()
    olga = await sign_in_as("olga", operator=True)
    refund_id = await _refund(olga, payment_id, "30")
    assert await buyer.credit() == 70 * UNIT  # gone at once, before Stripe has heard of it
    done = await drain(runtime, DOMAINS)
    assert sending.SEND_JOB in done.jobs and "berth.v1.payments.refund.succeeded" in done.events
    await _news(buyer, 5)
    await sending.send_refund(runtime, UUID(refund_id))
    again = await drain(runtime, DOMAINS)
    assert "berth.v1.payments.refund.succeeded" not in again.events
    page = words((await olga.client.get(f"/admin/money/refunds/{refund_id}")).text)
    assert "Succeeded" in page and "Approved alone" in page
    charges = await buyer.world.sdk.v1.charges.list_async()
    assert charges.data[0].amount_refunded == 3_000
    assert (await _house(runtime, olga))["refunds"] == 30 * UNIT
    outcomes = {
        row[0] for row in await buyer.rows("SELECT outcome FROM payments.payment_events WHERE type LIKE '%refund%'")
    }
    assert outcomes == {"no change", "refunds agree"}
    await _verified(runtime)
    theirs = words((await buyer.ada.client.get("/billing/refunds")).text)
    assert "Succeeded" in theirs and "$30.00" in theirs and "Olga" not in theirs
    assert "Refunded to your card" in (await buyer.ada.client.get("/billing")).text


async def test_a_large_refund_waits_for_somebody_else(buyer: Buyer, sign_in_as: Any) -> None:
    runtime, (payment_id, _, _) = buyer.runtime, await buyer.payment()
    olga, ben, eve = await sign_in_as("olga", operator=True), await sign_in_as("ben"), await sign_in_as("eve")
    await give_role(runtime, ben, "platform_finance")
    await give_role(runtime, eve, "platform_auditor")
    refund_id = await _refund(ben, payment_id, "80")
    path = f"/admin/money/refunds/{refund_id}"
    assert await buyer.credit() == 100 * UNIT
    own = await ben.post(f"{path}/approve")
    assert own.status_code == 403 and "second person" in own.text
    assert "a second person decides" in words((await ben.client.get(path)).text)
    assert (await eve.client.get(path)).status_code == 200
    assert (await eve.post(f"{path}/approve")).status_code == 403
    assert (await olga.post(f"{path}/approve", reason="ticket 7")).status_code == 303
    assert (await olga.post(f"{path}/approve")).status_code == 409
    await drain(runtime, DOMAINS)
    assert await buyer.credit() == 20 * UNIT
    rows = [(row["action"], row["result"], row["tenant_id"]) for row in await audited(runtime)]
    assert ("refund.request", "allowed", tenant_of(buyer.ada)) in rows
    assert ("refund.approve", "refused", tenant_of(ben)) in rows
    assert ("refund.approve", "allowed", tenant_of(buyer.ada)) in rows
    with pytest.raises(Exception, match="permission denied"):
        await buyer.rows("UPDATE admin.refund_approvals SET reason = 'x' RETURNING id")
    await _verified(runtime)


async def test_a_rejected_refund_moves_nothing_and_frees_its_amount(buyer: Buyer, sign_in_as: Any) -> None:
    payment_id, _, _ = await buyer.payment()
    olga, ben = await sign_in_as("olga", operator=True), await sign_in_as("ben")
    await give_role(buyer.runtime, ben, "platform_finance")
    refund_id = await _refund(ben, payment_id, "80")
    too_much = await olga.post(f"/admin/money/payments/{payment_id}/refund", amount="30", reason="asked by mail")
    assert too_much.status_code == 422 and "At most $20.00 can be refunded" in too_much.text
    assert (await olga.post(f"/admin/money/refunds/{refund_id}/reject", reason="")).status_code == 422
    assert (await olga.post(f"/admin/money/refunds/{refund_id}/reject", reason="a mistake")).status_code == 303
    assert await buyer.credit() == 100 * UNIT
    await _refund(olga, payment_id, "30")


async def test_what_the_bank_returns_is_credit_again(buyer: Buyer, sign_in_as: Any) -> None:
    payment_id, _, _ = await buyer.payment()
    olga = await sign_in_as("olga", operator=True)
    await buyer.world.fault("refund_fails")
    refund_id = await _refund(olga, payment_id, "50")
    await drain(buyer.runtime, DOMAINS)
    assert await buyer.credit() == 50 * UNIT
    await _news(buyer, 6)
    assert await buyer.credit() == 100 * UNIT
    page = words((await olga.client.get(f"/admin/money/refunds/{refund_id}")).text)
    assert "Failed" in page and "expired_or_canceled_card" in page
    [(failed,)] = await buyer.rows("SELECT count(*) FROM shared.outbox_events WHERE name LIKE '%refund.failed'")
    assert failed == 1
    await _verified(buyer.runtime)
    await _refund(olga, payment_id, "50")  # it may be tried again


async def test_an_answer_that_was_lost_makes_no_second_refund(buyer: Buyer, sign_in_as: Any) -> None:
    payment_id, _, _ = await buyer.payment()
    olga = await sign_in_as("olga", operator=True)
    await buyer.world.fault("api_timeout_after_success", path="/v1/refunds", close=True)
    refund_id = UUID(await _refund(olga, payment_id, "20"))
    await drain(buyer.runtime, DOMAINS)  # asked twice with one key
    assert len((await buyer.world.sdk.v1.refunds.list_async()).data) == 1
    await buyer.rows(  # and after Stripe has forgotten the key
        "UPDATE payments.refunds SET status = 'approved', settled_at = NULL, stripe_refund_id = NULL,"
        " approved_at = approved_at - interval '2 days' RETURNING id"
    )
    assert await sending.send_refund(buyer.runtime, refund_id) == "refund succeeded"
    assert len((await buyer.world.sdk.v1.refunds.list_async()).data) == 1


async def test_thirty_two_at_once_never_refund_more_than_was_paid(buyer: Buyer, sign_in_as: Any) -> None:
    runtime, (payment_id, _, _) = buyer.runtime, await buyer.payment()
    olga = await sign_in_as("olga", operator=True)
    await buyer.rows(  # two people have raised the limit
        "INSERT INTO shared.policy_values (id, key, value, set_at)"
        " VALUES (gen_random_uuid(), 'admin.refund_alone_maximum', '1000000000', now()) RETURNING id"
    )

    async def ask() -> bool:
        try:
            async with runtime.context(olga.actor) as ctx:
                command = RequestRefund(payment_id=payment_id, amount=Micro(7 * UNIT), reason="a race")
                await refunds.request_refund(ctx, command)
        except RefundTooLarge:
            return False
        return True

    assert sum(await asyncio.gather(*(ask() for _ in range(32)))) == 14
    await drain(runtime, DOMAINS)
    assert await buyer.credit() == 2 * UNIT
    assert (await buyer.world.sdk.v1.charges.list_async()).data[0].amount_refunded == 9_800
    await _verified(runtime)


async def test_only_unspent_bought_credit_goes_back(buyer: Buyer, sign_in_as: Any) -> None:
    payment_id, _, _ = await buyer.payment()
    olga = await sign_in_as("olga", operator=True)
    take = {"tenant_id": str(tenant_of(buyer.ada)), "amount": -45 * UNIT, "reason": "damage"}
    assert (await olga.post_json("/api/v1/admin/corrections", take)).status_code == 201
    give = {**take, "amount": 40 * UNIT, "reason": "goodwill"}
    assert (await olga.post_json("/api/v1/admin/corrections", give)).status_code == 201
    detail = (await olga.client.get(f"/api/v1/admin/payments/{payment_id}")).json()
    assert detail["refundable"] == 55 * UNIT
    body = {"amount": 56 * UNIT, "reason": "too much"}
    answer = await olga.post_json(f"/api/v1/admin/payments/{payment_id}/refunds", body)
    assert answer.status_code == 422 and answer.json()["error"]["details"]["refundable"] == 55 * UNIT
    await _verified(buyer.runtime)


async def test_a_correction_above_the_policy_needs_a_second_person_and_never_goes_below_zero(
    buyer: Buyer, sign_in_as: Any
) -> None:
    olga, ben = await sign_in_as("olga", operator=True), await sign_in_as("ben")
    await give_role(buyer.runtime, ben, "platform_finance")
    wanted = {"tenant_id": str(tenant_of(buyer.ada)), "amount": -101 * UNIT, "reason": "too much"}
    asked = (await ben.post_json("/api/v1/admin/corrections", wanted)).json()
    assert asked["status"] == "requested"
    path = f"/api/v1/admin/corrections/{asked['id']}"
    assert (await ben.post_json(f"{path}/approve", {})).status_code == 403
    assert (await olga.post_json(f"{path}/approve", {})).status_code == 402
    assert (await olga.post_json(f"{path}/reject", {"reason": "more than there is"})).status_code == 200
    assert (await olga.post_json(f"{path}/approve", {})).status_code == 409
    assert await buyer.credit() == 100 * UNIT
    form = {"tenant": str(tenant_of(buyer.ada)), "amount": "12,50", "reason": "a long night"}
    assert (await ben.post("/admin/money/corrections", **form)).status_code == 303
    assert await buyer.credit() == 112_500_000
    assert "a long night" in (await ben.client.get("/admin/money/corrections")).text
    assert "Correction by Berth" in (await buyer.ada.client.get("/billing")).text


async def test_a_refund_made_at_stripe_itself_is_in_the_books_and_replayed_without_effect(
    buyer: Buyer, sign_in_as: Any
) -> None:
    olga = await sign_in_as("olga", operator=True)
    [(intent,)] = await buyer.rows("SELECT payment_intent_id FROM payments.payment_sessions")
    await buyer.world.sdk.v1.refunds.create_async({"payment_intent": str(intent), "amount": 500})
    await _news(buyer, 5)
    assert await buyer.credit() == 95 * UNIT
    [(message_id,)] = await buyer.rows("SELECT id FROM payments.payment_events WHERE type = 'charge.refunded'")
    assert "amount_refunded" in (await olga.client.get(f"/admin/money/webhooks/{message_id}")).text
    assert (await olga.post(f"/admin/money/webhooks/{message_id}/replay")).status_code == 303
    await drain(buyer.runtime, DOMAINS)
    assert await buyer.credit() == 95 * UNIT
    await _verified(buyer.runtime)


async def test_the_ledger_is_verified_by_a_job_and_its_result_stays(buyer: Buyer, sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)
    assert "has not been verified yet" in (await olga.client.get("/admin/money/ledger")).text
    assert (await olga.post("/admin/money/ledger/verify")).status_code == 303
    assert "A verification is running" in (await olga.client.get("/admin/money/ledger")).text
    assert ledger.CHECK in (await drain(buyer.runtime, DOMAINS)).jobs
    page = words((await olga.client.get("/admin/money/ledger")).text)
    assert "The ledger adds up" in page and "Sum in USD $0.00" in page


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12), st.integers(-(10**9), 10**12))
def test_refundable_is_bounded_by_what_was_paid_and_what_is_unspent(
    paid: int, refunded: int, reserved: int, unspent: int
) -> None:
    left = amounts.refundable(Micro(paid), Micro(refunded), Micro(reserved), Micro(unspent))
    assert left >= 0 and left % 10_000 == 0
    assert left <= max(0, paid - refunded - reserved) and left <= max(0, unspent)
    assert left + 10_000 > min(paid - refunded - reserved, unspent)


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9))
def test_one_person_is_enough_up_to_the_amount_in_both_directions(amount: int, maximum: int) -> None:
    assert may_alone(Micro(amount), maximum) == may_alone(Micro(-amount), maximum) == (abs(amount) <= maximum)


def test_nobody_decides_what_they_asked_for() -> None:
    asked, other = new_id(), new_id()
    assert check_second(asked, other) == other
    for decider in (asked, None):
        with pytest.raises(SecondPersonNeeded):
            check_second(asked, decider)


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("25", 25_000_000),
        ("-25.5", -25_500_000),
        ("\u221212,50", -12_500_000),
        ("$7", 7_000_000),
        ("", None),
        ("1,000", None),
    ],
)
def test_amounts_as_people_type_them(typed: str, amount: int | None) -> None:
    assert parse_amount(typed) == amount
