"""Money that moves at Stripe itself has its effect in the ledger, or stands before the operators with its age."""

import asyncio
import itertools
import json
import random
from typing import Any
from uuid import UUID

import pytest

from app.domains.billing import public as billing
from app.domains.billing.contracts import PlaceHold, PostAdjustment
from app.domains.billing.errors import InsufficientCredit
from app.domains.payments.service import refunds as sending
from app.domains.payments.service import stripe_refunds, sweep
from app.registry import DOMAINS
from app.shared.authz.actor import SYSTEM
from app.shared.ids import new_id
from app.shared.money import Micro
from tests.domains.admin.helpers import words
from tests.domains.payments.buyer import Buyer
from tests.fixtures.app import tenant_of
from tests.fixtures.drain import drain

pytestmark = pytest.mark.commits
USD = 1_000_000
Letter = tuple[bytes, str]


async def paid(buyer: Buyer, amount: str = "25") -> str:
    """Ada has paid and has the credit; the payment intent."""
    before = len(buyer.mailbox.letters)
    await buyer.pay((await buyer.order(amount)).headers["location"])
    await take(buyer, (await buyer.mailbox.collect(before + 3))[before:])
    [(intent,)] = await buyer.rows("SELECT payment_intent_id FROM payments.payment_sessions ORDER BY id DESC LIMIT 1")
    return str(intent)


async def take(buyer: Buyer, letters: list[Letter]) -> None:
    for letter in letters:
        assert await buyer.deliver(*letter) == 200
    await drain(buyer.runtime, DOMAINS)


async def at_stripe(buyer: Buyer, path: str, count: int, **body: object) -> tuple[dict[str, Any], list[Letter]]:
    """Something is done in Stripe's dashboard or by a bank: what was made, and the webhooks that tell of it."""
    before = len(buyer.mailbox.letters)
    answer = await buyer.world.browser.post(f"{buyer.world.url}/_dashboard/{path}", json=body)
    assert answer.status_code < 300, answer.text
    return answer.json(), (await buyer.mailbox.collect(before + count))[before:]


async def balance(buyer: Buyer) -> tuple[int, int, int]:
    """Credit, debt, available."""
    async with buyer.runtime.context(SYSTEM) as ctx:
        found = await billing.balance(ctx, tenant_of(buyer.ada))
    return found.credit, found.debt, found.available


async def verified(buyer: Buyer) -> None:
    async with buyer.runtime.context(SYSTEM) as ctx:
        report = await billing.verify_ledger(ctx)
    assert report.ok, billing.render_verify_report(report)


async def cases(buyer: Buyer) -> list[tuple[object, ...]]:
    return await buyer.rows("SELECT kind, decided_at IS NULL FROM payments.cases ORDER BY id")


async def spend(buyer: Buyer, amount: int) -> None:
    async with buyer.runtime.context(SYSTEM) as ctx:
        taken = PostAdjustment(
            tenant_id=tenant_of(buyer.ada), adjustment_id=new_id(), amount=Micro(-amount), currency="USD"
        )
        await billing.post_adjustment(ctx, taken)


async def test_a_refund_made_at_stripe_takes_the_credit_once(buyer: Buyer, sign_in_as: Any) -> None:
    intent = await paid(buyer)
    _, letters = await at_stripe(buyer, "refunds", 2, payment_intent=intent, amount=1000)
    await take(buyer, [*letters, *letters[::-1]])
    assert await balance(buyer) == (15 * USD, 0, 15 * USD)
    found = await buyer.rows("SELECT origin, status, requested_by, amount FROM payments.refunds")
    assert found == [("stripe", "succeeded", None, 10 * USD)]
    assert await cases(buyer) == []
    olga = await sign_in_as("olga", operator=True)
    payment_id, _, _ = await buyer.payment()
    assert "made at Stripe" in words((await olga.client.get(f"/admin/money/payments/{payment_id}")).text)
    assert "made at Stripe" in words((await olga.client.get("/admin/money/refunds")).text)
    detail = (await olga.client.get(f"/api/v1/admin/payments/{payment_id}")).json()
    assert detail["refundable"] == 15 * USD
    await verified(buyer)


async def test_only_the_charge_is_told_and_stripe_is_asked_for_its_refunds(buyer: Buyer) -> None:
    intent = await paid(buyer)
    _, letters = await at_stripe(buyer, "refunds", 2, payment_intent=intent)
    charge = next(letter for letter in letters if b'"charge.refunded"' in letter[0])
    await take(buyer, [charge])
    assert await balance(buyer) == (0, 0, 0)
    payment_id, _, _ = await buyer.payment()
    assert await stripe_refunds.look_up_refunds(buyer.runtime, payment_id) == ["no change"]
    await verified(buyer)


async def test_a_refund_that_the_bank_returns_is_credit_again_in_any_order(buyer: Buyer) -> None:
    intent = await paid(buyer, "75")
    for order in itertools.permutations(range(3)):
        made, letters = await at_stripe(buyer, "refunds", 2, payment_intent=intent, amount=500)
        _, failed = await at_stripe(buyer, f"refunds/{made['id']}/fail", 1)
        told = [*letters, *failed]
        await take(buyer, [told[number] for number in order] * 2)
        assert await balance(buyer) == (75 * USD, 0, 75 * USD), order
    await verified(buyer)


async def test_what_was_spent_before_is_owed_and_blocks_launches_until_it_is_paid(buyer: Buyer) -> None:
    intent = await paid(buyer)
    await spend(buyer, 20 * USD)
    made, letters = await at_stripe(buyer, "refunds", 2, payment_intent=intent)
    await take(buyer, letters)
    assert await balance(buyer) == (0, 20 * USD, -20 * USD)
    page = words((await buyer.ada.client.get("/billing")).text)
    assert "you owe $20.00" in page
    answer = (await buyer.ada.client.get("/api/v1/billing/balance")).json()
    assert (answer["debt"], answer["available"]) == (20 * USD, -20 * USD)
    async with buyer.runtime.context(SYSTEM) as ctx:
        hold = PlaceHold(tenant_id=tenant_of(buyer.ada), project_id=new_id(), allocation_id=new_id(), amount=Micro(USD))
        with pytest.raises(InsufficientCredit):
            await billing.place_hold(ctx, hold)
    await verified(buyer)
    await paid(buyer, "30")
    assert await balance(buyer) == (10 * USD, 0, 10 * USD)
    _, failed = await at_stripe(buyer, f"refunds/{made['id']}/fail", 1)
    await take(buyer, failed)
    assert await balance(buyer) == (35 * USD, 0, 35 * USD)
    await verified(buyer)


@pytest.mark.parametrize(("end", "left"), [("won", 25), ("lost", 0)])
async def test_a_dispute_takes_the_credit_until_it_is_won_in_any_order(
    buyer: Buyer, sign_in_as: Any, end: str, left: int
) -> None:
    intent = await paid(buyer)
    dispute, begun = await at_stripe(buyer, "disputes", 2, payment_intent=intent)
    await take(buyer, begun)
    assert await balance(buyer) == (0, 0, 0)
    olga = await sign_in_as("olga", operator=True)
    page = words((await olga.client.get("/admin/money/cases")).text)
    assert "$25.00 is disputed (fraudulent, needs_response)" in page and "Open" in page
    payment_id, _, _ = await buyer.payment()
    assert (await olga.client.get(f"/api/v1/admin/payments/{payment_id}")).json()["refundable"] == 0
    _, ended = await at_stripe(buyer, f"disputes/{dispute['id']}/{end}", 2 if end == "won" else 1)
    told = [*begun, *ended]
    dice = random.Random(end)
    for _ in range(3):
        dice.shuffle(told)
        await take(buyer, told)
    assert await balance(buyer) == (left * USD, 0, left * USD)
    assert await cases(buyer) == [("dispute", False)]
    await verified(buyer)


async def test_an_inquiry_moves_no_money_until_it_becomes_a_dispute(buyer: Buyer) -> None:
    intent = await paid(buyer)
    dispute, begun = await at_stripe(buyer, "disputes", 1, payment_intent=intent, inquiry=True, amount=1000)
    await take(buyer, begun)
    assert await balance(buyer) == (25 * USD, 0, 25 * USD) and await cases(buyer) == [("dispute", True)]
    _, grown = await at_stripe(buyer, f"disputes/{dispute['id']}/needs_response", 2)
    await take(buyer, [*grown, *begun])
    assert await balance(buyer) == (15 * USD, 0, 15 * USD)
    await verified(buyer)


async def test_a_dispute_that_comes_before_its_payment_waits_for_it(buyer: Buyer) -> None:
    await buyer.pay((await buyer.order("25")).headers["location"])
    letters = await buyer.mailbox.collect(3)
    intent = next(json.loads(body)["data"]["object"]["id"] for body, _ in letters if b'"payment_intent.succ' in body)
    _, begun = await at_stripe(buyer, "disputes", 2, payment_intent=intent)
    await take(buyer, begun)
    assert await cases(buyer) == [("unknown", True)]
    await take(buyer, letters)
    assert await balance(buyer) == (0, 0, 0)
    assert sorted(await cases(buyer)) == [("dispute", True), ("unknown", False)]
    await buyer.rows(
        "UPDATE payments.payment_events SET outcome = 'unknown payment',"
        " received_at = received_at - interval '2 minutes' WHERE type LIKE '%created' RETURNING id"
    )
    await sweep.sweep(buyer.runtime)  # as if it had been worked off in the very moment of the settlement
    left = await buyer.rows("SELECT count(*) FROM payments.payment_events WHERE outcome = 'unknown payment'")
    assert left == [(0,)] and await balance(buyer) == (0, 0, 0)
    await verified(buyer)


async def test_everything_at_once_adds_up(buyer: Buyer) -> None:
    intent = await paid(buyer, "100")
    told: list[Letter] = []
    for amount in (500, 700, 900):
        told += (await at_stripe(buyer, "refunds", 2, payment_intent=intent, amount=amount))[1]
    told += (await at_stripe(buyer, "disputes", 2, payment_intent=intent, amount=2000))[1]
    random.Random(7).shuffle(told)
    await asyncio.gather(*(buyer.deliver(*letter) for letter in told * 4))
    await asyncio.gather(*(drain(buyer.runtime, DOMAINS) for _ in range(1)))
    assert await balance(buyer) == (59 * USD, 0, 59 * USD)
    await verified(buyer)


async def test_a_refund_made_at_stripe_is_never_sent_by_us_and_asked_about_there(buyer: Buyer) -> None:
    intent = await paid(buyer)
    await at_stripe(buyer, "refunds", 2, payment_intent=intent, amount=500)
    await take(buyer, buyer.mailbox.letters[-2:])
    [(refund_id,)] = await buyer.rows("UPDATE payments.refunds SET status = 'sent', settled_at = NULL RETURNING id")
    assert await sending.send_refund(buyer.runtime, UUID(str(refund_id))) == "refund succeeded"
    assert len((await buyer.world.sdk.v1.refunds.list_async()).data) == 1


async def test_an_approval_is_refused_when_so_much_went_back_meanwhile(buyer: Buyer, sign_in_as: Any) -> None:
    from tests.domains.admin.helpers import give_role

    intent = await paid(buyer, "100")
    await paid(buyer, "100")
    [(payment_id,)] = await buyer.rows(
        "SELECT id FROM payments.payment_sessions WHERE payment_intent_id = :i", i=intent
    )
    olga, ben = await sign_in_as("olga", operator=True), await sign_in_as("ben")
    await give_role(buyer.runtime, ben, "platform_finance")
    body = {"amount": 90 * USD, "reason": "asked by mail"}
    asked = (await ben.post_json(f"/api/v1/admin/payments/{payment_id}/refunds", body)).json()
    _, letters = await at_stripe(buyer, "refunds", 2, payment_intent=intent, amount=5000)
    await take(buyer, letters)
    refused = await olga.post_json(f"/api/v1/admin/refunds/{asked['refund_id']}/approve", {})
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "refund_not_left"


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("charge.something.new", "unknown type"), ("refund.reversed", "unknown type"),
        ("payment_intent.clawed_back", "unknown type"), ("checkout.session.undone", "unknown type"),
        ("radar.early_fraud_warning.created", "unknown type"), ("customer.updated", "ignored"),
        ("charge.succeeded", "covered by its session"), ("payment_intent.succeeded", "covered by its session"),
    ],
)  # fmt: skip
async def test_nothing_about_money_is_ignored_in_silence(buyer: Buyer, kind: str, outcome: str) -> None:
    await buyer.deliver_event({"id": "evt_x", "type": kind, "livemode": False, "data": {"object": {"id": "xx_1"}}})
    await drain(buyer.runtime, DOMAINS)
    [(said, error)] = await buyer.rows("SELECT outcome, error FROM payments.payment_events")
    assert (said, error) == (outcome, outcome if outcome.startswith("unknown") else None)
    assert len(await cases(buyer)) == (1 if error else 0)


def _of(letters: list[Letter], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(event for event in (json.loads(body) for body, _ in letters) if event["type"] == kind)
    return found


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"id": "cs_test_another"}, "mismatch:session"),
        ({"id": "cs_test_another", "client_reference_id": None}, "unknown payment"),
        ({"livemode": True}, "mismatch:livemode"),
        ({"event.livemode": True}, "mismatch:livemode"),
        ({"event.account": "acct_1"}, "mismatch:account"),
        ({"mode": "subscription"}, "mismatch:mode"),
        ({"metadata": {"berth_payment": "018f0000-0000-7000-8000-000000000000"}}, "mismatch:metadata"),
        ({"metadata": {"berth_tenant": "018f0000-0000-7000-8000-000000000000"}}, "mismatch:metadata"),
        ({"amount_total": 2_501}, "mismatch:amount"),
        ({"currency": "eur"}, "mismatch:currency"),
        ({"payment_intent": None}, "mismatch:intent"),
        ({"client_reference_id": "another"}, "mismatch:reference"),
    ],
)
async def test_a_signed_event_about_something_else_settles_nothing_and_is_kept(
    buyer: Buyer, sign_in_as: Any, change: dict[str, object], outcome: str
) -> None:
    event = _of(await buyer.buy("25"), "checkout.session.completed")
    for name, value in change.items():
        place = event if name.startswith("event.") else event["data"]["object"]
        place[name.removeprefix("event.")] = value
    assert await buyer.deliver_event(event) == 200
    await drain(buyer.runtime, DOMAINS)
    assert await balance(buyer) == (0, 0, 0) and (await buyer.payment())[1] == "open"
    assert [row[0] for row in await buyer.rows("SELECT error FROM payments.payment_events")] == [outcome]
    [(kind, is_open)] = await cases(buyer)
    assert is_open and kind == outcome.split(":")[0].split(" ")[0]
    olga = await sign_in_as("olga", operator=True)
    [case] = (await olga.client.get("/api/v1/admin/payment-cases")).json()["items"]
    path = f"/api/v1/admin/payment-cases/{case['id']}/decide"
    assert (await olga.post_json(path, {"reason": " "})).status_code == 422
    assert (await olga.post_json(path, {"reason": "not ours"})).json()["decision"] == "not ours"
    assert (await olga.client.get("/api/v1/admin/payment-cases")).json()["items"] == []
    assert "not ours" in (await olga.client.get("/admin/money/cases?all=1")).text


async def test_the_intent_of_one_payment_settles_no_other(buyer: Buyer) -> None:
    intent = await paid(buyer)
    before = len(buyer.mailbox.letters)
    await buyer.pay((await buyer.order("30")).headers["location"])
    event = _of((await buyer.mailbox.collect(before + 3))[before:], "checkout.session.completed")
    event["data"]["object"]["payment_intent"] = intent
    await buyer.deliver_event(event)
    await drain(buyer.runtime, DOMAINS)
    assert await balance(buyer) == (25 * USD, 0, 25 * USD) and await cases(buyer) == [("mismatch", True)]


async def test_a_second_paid_session_for_a_paid_payment_is_not_lost_in_silence(buyer: Buyer) -> None:
    event = _of(await buyer.buy("25"), "checkout.session.completed")
    await buyer.deliver_event(event)
    await drain(buyer.runtime, DOMAINS)
    event["id"], event["data"]["object"]["id"] = "evt_second", "cs_test_second"
    event["data"]["object"]["payment_intent"] = "pi_second"
    await buyer.deliver_event(event)
    await drain(buyer.runtime, DOMAINS)
    assert await balance(buyer) == (25 * USD, 0, 25 * USD)
    assert await cases(buyer) == [("mismatch", True)]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("payment_intent.canceled", "mismatch:canceled after it was paid"),
        ("checkout.session.async_payment_failed", "mismatch:failed after it was paid"),
        ("payment_intent.payment_failed", "already paid"),
    ],
)
async def test_what_contradicts_a_paid_payment_is_for_a_person(buyer: Buyer, kind: str, outcome: str) -> None:
    letters = await buyer.buy("25")
    await take(buyer, letters)
    base = _of(letters, "checkout.session.completed" if kind.startswith("checkout") else "payment_intent.succeeded")
    await buyer.deliver_event({**base, "id": "evt_against", "type": kind})
    await drain(buyer.runtime, DOMAINS)
    [(said,)] = await buyer.rows("SELECT outcome FROM payments.payment_events WHERE event_id = 'evt_against'")
    assert said == outcome and await balance(buyer) == (25 * USD, 0, 25 * USD)
    assert len(await cases(buyer)) == int(outcome.startswith("mismatch"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("payment_intent", "pi_other"), ("amount", 501), ("currency", "eur"), ("id", "re_other")],
)
async def test_a_refund_that_names_ours_and_is_another_has_no_effect(
    buyer: Buyer, sign_in_as: Any, field: str, value: object
) -> None:
    await paid(buyer)
    payment_id, _, _ = await buyer.payment()
    olga = await sign_in_as("olga", operator=True)
    body = {"amount": 5 * USD, "reason": "asked by mail"}
    await olga.post_json(f"/api/v1/admin/payments/{payment_id}/refunds", body)
    await drain(buyer.runtime, DOMAINS)
    event = _of((await buyer.mailbox.collect(5))[3:], "refund.created")
    event["type"], event["data"]["object"]["status"] = "refund.failed", "failed"
    event["data"]["object"][field] = value
    await buyer.deliver_event(event)
    await drain(buyer.runtime, DOMAINS)
    assert await balance(buyer) == (20 * USD, 0, 20 * USD)
    assert await cases(buyer) == [("mismatch", True)]
    await verified(buyer)
