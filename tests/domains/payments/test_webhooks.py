"""Stripe's messages: in parallel, reversed, repeated, unknown, forged, old, altered."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from app.domains.billing import public as billing
from app.shared.authz.actor import SYSTEM
from tests.domains.payments.buyer import Buyer

pytestmark = pytest.mark.commits
USD = 1_000_000


async def _inbox(buyer: Buyer) -> int:
    [(count,)] = await buyer.rows("SELECT count(*) FROM payments.payment_events")
    return int(count)  # type: ignore[call-overload]


def _session_of(letters: list[tuple[bytes, str]]) -> dict[str, object]:
    events = [json.loads(body) for body, _ in letters]
    return next(event for event in events if event["type"] == "checkout.session.completed")


async def test_every_message_ten_times_in_parallel_and_reversed_is_one_credit(buyer: Buyer) -> None:
    letters = [*reversed(await buyer.buy("25"))] * 10
    statuses = await asyncio.gather(*(buyer.deliver(body, signature) for body, signature in letters))
    assert set(statuses) == {200}
    assert await _inbox(buyer) == 3
    await asyncio.gather(*(buyer.work() for _ in range(3)))
    assert await buyer.credit() == 25 * USD
    async with buyer.runtime.context(SYSTEM) as ctx:
        assert (await billing.verify_ledger(ctx)).ok


async def test_a_message_whose_job_was_lost_is_worked_off_by_the_sweeper(buyer: Buyer) -> None:
    from app.domains.payments.service.sweep import sweep

    for body, signature in await buyer.buy("25"):
        await buyer.deliver(body, signature)
    await buyer.rows("UPDATE payments.payment_events SET received_at = received_at - interval '5 min' RETURNING id")
    await sweep(buyer.runtime)
    assert await buyer.credit() == 25 * USD


async def test_a_message_that_cannot_be_worked_off_holds_nobodys_money_back(buyer: Buyer, monkeypatch) -> None:
    from app.domains.payments.service import process
    from app.domains.payments.service.sweep import sweep

    apply = process._apply

    async def broken(ctx: object, message: object) -> str:
        if message.type == "berth.poison":
            raise ValueError("this one is broken")
        return await apply(ctx, message)

    monkeypatch.setattr(process, "_apply", broken)
    await buyer.deliver_event({"id": "evt_poison", "type": "berth.poison", "data": {"object": {}}})
    for body, signature in await buyer.buy("25"):
        await buyer.deliver(body, signature)
    await buyer.rows("UPDATE payments.payment_events SET received_at = received_at - interval '5 min' RETURNING id")
    await sweep(buyer.runtime)
    assert await buyer.credit() == 25 * USD


@pytest.mark.parametrize("alter", ["body", "signature", "secret", "none", "old", "future", "binary", "unicode"])
async def test_forged_and_old_messages_are_refused_and_leave_nothing(buyer: Buyer, alter: str) -> None:
    letters = await buyer.buy("25")
    body, signature = letters[-1]
    event = _session_of(letters)
    if alter == "body":
        status = await buyer.deliver(body.replace(b"2500", b"9900"), signature)
    elif alter == "signature":
        status = await buyer.deliver(body, signature[:-4] + "0000")
    elif alter == "secret":
        status = await buyer.deliver_event(event, secret="whsec_of_somebody_else")
    elif alter == "none":
        status = await buyer.deliver(body, "")
    elif alter == "binary":
        status = await buyer.deliver(b"\xff\xfe" + body, signature)
    elif alter == "unicode":
        status = await buyer.deliver(body, "t=1,v1=ÿÿ")
    else:
        status = await buyer.deliver_event(event, age={"old": 301, "future": -400}[alter])
    assert status == 400
    assert await _inbox(buyer) == 0


async def test_the_secret_before_a_rotation_still_counts(buyer: Buyer) -> None:
    event = _session_of(await buyer.buy("25"))
    assert await buyer.deliver_event(event, secret="whsec_older_one", age=299) == 200


async def test_unknown_types_are_kept_and_ignored(buyer: Buyer) -> None:
    assert (
        await buyer.deliver_event({"id": "evt_1", "type": "radar.something.new", "data": {"object": {"id": "x"}}})
        == 200
    )
    await buyer.work()
    assert await buyer.rows("SELECT outcome, error FROM payments.payment_events") == [("ignored", None)]


@pytest.mark.parametrize(
    ("field", "value", "outcome"),
    [
        ("amount_total", 9_999_00, "mismatch:amount"),
        ("currency", "jpy", "mismatch:currency"),
        ("client_reference_id", "018f0000-0000-7000-8000-000000000000", "mismatch:reference"),
    ],
)
async def test_a_session_that_is_not_what_we_asked_for_brings_no_credit(
    buyer: Buyer, field: str, value: object, outcome: str
) -> None:
    event = _session_of(await buyer.buy("25"))
    event["data"]["object"][field] = value  # type: ignore[index]
    assert await buyer.deliver_event(event) == 200
    await buyer.work()
    assert await buyer.credit() == 0
    assert await buyer.rows("SELECT outcome, error FROM payments.payment_events") == [(outcome, outcome)]
    assert (await buyer.payment())[2] == outcome


async def test_a_completed_session_that_is_not_paid_yet_waits(buyer: Buyer) -> None:
    event = _session_of(await buyer.buy("25"))
    event["data"]["object"]["payment_status"] = "unpaid"  # type: ignore[index]
    await buyer.deliver_event(event)
    await buyer.work()
    assert (await buyer.credit(), (await buyer.payment())[1]) == (0, "open")
    event["id"], event["type"] = "evt_later", "checkout.session.async_payment_succeeded"
    event["data"]["object"]["payment_status"] = "paid"  # type: ignore[index]
    await buyer.deliver_event(event)
    await buyer.work()
    assert await buyer.credit() == 25 * USD


async def test_no_personal_data_of_a_message_is_kept(buyer: Buyer) -> None:
    for body, signature in await buyer.buy("25"):
        assert b"Ada Marsh" in body or b"a@x.example" in body or b"payment_intent" in body
        await buyer.deliver(body, signature)
    kept = str(await buyer.rows("SELECT body::text FROM payments.payment_events"))
    assert "Ada" not in kept and "@" not in kept and "4242" not in kept


WEIRD: list[object] = [None, 0, -1, 2**70, "", "x" * 5_000, "\x00", [], {}, True, [[[]]], {"id": {"id": 1}}, 1.5]


@pytest.mark.parametrize("seed", range(3))
async def test_mutated_messages_cause_no_error_and_no_credit(buyer: Buyer, seed: int) -> None:
    event = _session_of(await buyer.buy("25"))
    dice = random.Random(seed)
    names = ["amount_total", "currency", "client_reference_id", "payment_status", "id", "metadata", "payment_intent"]
    for number in range(40):
        mutated = json.loads(json.dumps(event))
        mutated["id"] = f"evt_{number}"
        thing = mutated["data"]["object"]
        thing["payment_status"] = "unpaid"
        for name in dice.sample(names, 3):
            thing[name] = dice.choice(WEIRD)
        if dice.random() < 0.3:
            mutated[dice.choice(["data", "type", "id"])] = dice.choice(WEIRD)
        assert await buyer.deliver_event(mutated) in (200, 400)
    await buyer.work()
    assert await buyer.credit() == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"[" * 10_000, b'{"id":1,"type":2}', b'{"id":"a"}', b"null"]
)
async def test_signed_nonsense_is_refused_with_400(buyer: Buyer, body: bytes) -> None:
    import stripe

    from tests.simulators.stripe_world import WEBHOOK_SECRET

    header = stripe.WebhookSignature.generate_signature_header(body.decode(), WEBHOOK_SECRET)
    assert await buyer.deliver(body, header) == 400
