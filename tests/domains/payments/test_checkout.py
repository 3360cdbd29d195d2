"""From "Add credit" to credit, through the real pages and a simulated Stripe on a real socket."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from app.domains.payments.service.sweep import sweep
from tests.domains.payments.buyer import Buyer
from tests.fixtures.app import SignIn

pytestmark = pytest.mark.commits
USD = 1_000_000


async def test_credit_is_bought_paid_and_arrives_once(buyer: Buyer) -> None:
    order = await buyer.order("25")
    assert order.status_code == 303
    assert order.headers["location"].startswith("http://localhost:")
    back = await buyer.pay(order.headers["location"])
    assert "/billing/credit/return?intent=" in back and "cs_" not in back
    path = back.removeprefix("http://localhost:8000")
    waiting = await buyer.ada.client.get(path)
    assert "credit arrives in seconds" in waiting.text and "every 2s" in waiting.text
    for body, signature in await buyer.mailbox.collect(3):
        assert await buyer.deliver(body, signature) == 200
    await buyer.work()
    assert await buyer.credit() == 25 * USD
    done = await buyer.ada.client.get(path)
    assert "$25.00 of credit has arrived" in done.text and "every 2s" not in done.text
    assert (await buyer.payment())[1] == "paid"
    [(payload,)] = await buyer.rows(
        "SELECT payload FROM shared.outbox_events WHERE name = 'berth.v1.payments.payment.succeeded'"
    )
    assert payload["amount"] == 25 * USD  # type: ignore[call-overload,index]


async def test_a_double_click_is_one_payment_and_one_checkout_page(buyer: Buyer) -> None:
    answers = await asyncio.gather(*(buyer.order("25", key="one-press") for _ in range(8)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(await buyer.rows("SELECT id FROM payments.payment_sessions")) == 1
    other_amount = await buyer.order("50", key="one-press")
    assert other_amount.status_code == 422


async def test_an_answer_that_was_lost_on_the_way_is_asked_for_again_with_the_same_key(buyer: Buyer) -> None:
    await buyer.world.fault("api_timeout_after_success", path="/v1/checkout/sessions", close=True, count=2)
    order = await buyer.order("25")
    assert order.status_code == 303
    sessions = await buyer.world.sdk.v1.checkout.sessions.list_async()
    assert len(sessions.data) == 1
    assert order.headers["location"] == sessions.data[0].url


@pytest.mark.parametrize(("fault", "count"), [("api_error", 2), ("api_rate_limited", 2)])
async def test_a_short_trouble_at_stripe_is_not_seen_by_the_buyer(buyer: Buyer, fault: str, count: int) -> None:
    await buyer.world.fault(fault, count=count)
    assert (await buyer.order("25")).status_code == 303


async def test_a_long_trouble_says_so_and_the_same_form_can_be_sent_again(buyer: Buyer) -> None:
    await buyer.world.fault("api_error", count=3)
    refused = await buyer.order("25", key="patience")
    assert refused.status_code == 503 and refused.headers["retry-after"]
    assert (await buyer.payment())[1] == "created"
    again = await buyer.order("25", key="patience")
    assert again.status_code == 303
    assert (await buyer.payment())[1] == "open"


async def test_a_declined_card_brings_nothing_and_the_next_card_pays(buyer: Buyer) -> None:
    url = (await buyer.order("25")).headers["location"]
    await buyer.pay(url, "4000 0000 0000 0002")
    for body, signature in await buyer.mailbox.collect(2):
        await buyer.deliver(body, signature)
    await buyer.work()
    _, status, problem = await buyer.payment()
    assert (status, problem, await buyer.credit()) == ("open", "generic_decline", 0)
    await buyer.pay(url)
    for body, signature in await buyer.mailbox.collect(5):
        await buyer.deliver(body, signature)
    await buyer.work()
    assert ((await buyer.payment())[1:], await buyer.credit()) == (("paid", None), 25 * USD)


async def test_a_lost_webhook_loses_no_money(buyer: Buyer) -> None:
    await buyer.buy("100")
    assert await sweep(buyer.runtime) == 0, "too young to ask about"
    await buyer.age(180)
    assert await sweep(buyer.runtime) == 1
    assert (await buyer.credit(), (await buyer.payment())[1]) == (100 * USD, "paid")
    for body, signature in buyer.mailbox.letters:
        await buyer.deliver(body, signature)
    await buyer.work()
    assert await buyer.credit() == 100 * USD


async def test_the_sweeper_survives_a_stripe_that_does_not_answer_and_closes_what_expired(buyer: Buyer) -> None:
    await buyer.order("25")
    await buyer.age(180)
    await buyer.world.fault("api_error", count=3)
    assert await sweep(buyer.runtime) == 0
    [(session_id,)] = await buyer.rows("SELECT stripe_session_id FROM payments.payment_sessions")
    await buyer.world.sdk.v1.checkout.sessions.expire_async(str(session_id))
    await buyer.age(180)
    assert await sweep(buyer.runtime) == 1
    payment_id, status, _ = await buyer.payment()
    assert status == "expired"
    page = await buyer.ada.client.get(f"/billing/credit/return?intent={payment_id}")
    assert "has expired" in page.text


async def test_money_that_arrives_after_all_counts_even_for_a_payment_that_was_given_up(buyer: Buyer) -> None:
    letters = await buyer.buy("25")
    await buyer.rows("UPDATE payments.payment_sessions SET status = 'expired' RETURNING id")
    for body, signature in letters:
        await buyer.deliver(body, signature)
    await buyer.work()
    assert (await buyer.credit(), (await buyer.payment())[1]) == (25 * USD, "paid")


@pytest.mark.parametrize("amount", ["4.99", "10000.01", "abc", "-50", "1e9", ""])
async def test_amounts_out_of_bounds_are_refused_before_stripe_hears_of_them(buyer: Buyer, amount: str) -> None:
    assert (await buyer.order(amount)).status_code == 422
    assert await buyer.rows("SELECT id FROM payments.payment_sessions") == []


@pytest.mark.parametrize("amount", [0, -25_000_000, 25_000_001, 2**63, 2**80, "lots", 1e308, None])
async def test_the_api_takes_whole_cents_only(buyer: Buyer, amount: object) -> None:
    answer = await buyer.ada.post_json("/api/v1/payments/credit", {"amount": amount})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "validation_error"


async def test_the_api_gives_a_checkout_address_and_the_payments_state(buyer: Buyer, sign_in_as: SignIn) -> None:
    answer = await buyer.ada.post_json("/api/v1/payments/credit", {"amount": 25_000_000})
    assert answer.status_code == 201
    payment = answer.json()
    assert payment["status"] == "open" and payment["checkout_url"].startswith("http://localhost:")
    path = f"/api/v1/payments/{UUID(payment['id'])}"
    assert (await buyer.ada.client.get(path)).json() == payment
    ben = await sign_in_as("ben")
    assert (await ben.client.get(path)).status_code == 404
    assert (await ben.client.get(f"/api/v1/payments/{uuid4()}")).status_code == 404
    assert (await ben.client.get(f"/billing/credit/return?intent={payment['id']}")).status_code == 404


async def test_the_page_offers_amounts_and_says_when_one_came_back_without_paying(buyer: Buyer) -> None:
    page = await buyer.ada.client.get("/billing/credit?canceled=1")
    assert page.status_code == 200
    assert "Nothing was charged" in page.text
    for text in ("$25.00", "$50.00", "$100.00", "$500.00", "From $5.00 to $10,000.00"):
        assert text in page.text


async def test_under_htmx_the_browser_itself_goes_to_the_payment_page(buyer: Buyer) -> None:
    answer = await buyer.ada.client.post(
        "/billing/credit",
        data=buyer.ada.form(amount="25"),
        headers={"sec-fetch-site": "same-origin", "hx-request": "true"},
    )
    assert answer.status_code == 200 and answer.headers["hx-redirect"].startswith("http://localhost:")
