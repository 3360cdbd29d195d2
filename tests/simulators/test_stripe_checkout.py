"""The hosted Checkout page and its webhooks, as a buyer's browser and the product's endpoint meet them."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from tests.simulators.harness import receiving, running
from tests.simulators.stripe_world import Endpoint, World, stripe_world

SUCCESS = {"charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """For tests that look at the webhooks: nobody else's arrive."""
    async with stripe_world(tmp_path / "stripe") as started:
        yield started


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """For tests of the page alone."""
    async with stripe_world(tmp_path_factory.mktemp("stripe")) as started:
        yield started


async def charges_of(world: World, session_id: str) -> list[str]:
    session = await world.sdk.v1.checkout.sessions.retrieve_async(session_id)
    listed = await world.sdk.v1.charges.list_async({"payment_intent": str(session.payment_intent)})
    return [charge.status for charge in listed.data]


async def test_the_page_has_labelled_fields_and_says_what_is_paid(shared: World) -> None:
    session = await shared.session()
    page = (await shared.browser.get(session.url or "")).text
    for label, name in [("Email", "email"), ("Card number", "card_number"), ("CVC", "cvc"), ("Name on card", "name")]:
        assert f'<label for="{name}">{label}</label>' in page
    assert "Expiry (MM / YY)" in page
    assert 'value="ada@acme.example"' in page
    assert "readonly" in page
    assert "Pay $50.00</button>" in page
    assert 'href="http://localhost:8000/billing"' in page


async def test_the_page_needs_no_script_and_its_policy_allows_none(shared: World) -> None:
    answer = await shared.browser.get((await shared.session()).url or "")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|<style|style=|onclick", answer.text)
    css = await shared.browser.get(f"{shared.url}/assets/checkout.css")
    assert css.headers["content-type"].startswith("text/css")


async def test_names_are_escaped(shared: World) -> None:
    price = {"currency": "usd", "unit_amount": 5000, "product_data": {"name": "<img src=x onerror=alert(1)>"}}
    page = await shared.browser.get((await shared.session(line_items=[{"quantity": 1, "price_data": price}])).url or "")
    assert "<img" not in page.text
    assert "&lt;img" in page.text


async def test_paying_redirects_with_the_session_id_and_sends_the_webhooks(world: World) -> None:
    session = await world.session()
    answer = await world.pay(session)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://localhost:8000/billing/done?session={session.id}"
    events = await world.endpoint.until(3)
    assert {event.type for event in events} == SUCCESS
    completed = next(event for event in events if event.type == "checkout.session.completed").data.object
    assert (completed["id"], completed["payment_status"], completed["status"]) == (session.id, "paid", "complete")
    assert (completed["client_reference_id"], completed["customer"]) == ("top_up_17", session.customer)
    assert completed["metadata"]["tenant"] == "acme"


async def test_two_clicks_pay_once(shared: World) -> None:
    session = await shared.session()
    answers = await asyncio.gather(*(shared.pay(session) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {303}
    assert await charges_of(shared, session.id) == ["succeeded"]


@pytest.mark.parametrize(
    ("number", "words", "code", "decline_code"),
    [
        ("4000 0000 0000 0002", "Your card was declined.", "card_declined", "generic_decline"),
        ("4000 0000 0000 9995", "Your card has insufficient funds.", "card_declined", "insufficient_funds"),
        ("4000 0000 0000 0069", "Your card has expired.", "expired_card", None),
        ("4111 1111 1111 1111", "used a non test card", "card_declined", "test_mode_live_card"),
    ],
)
async def test_after_a_decline_another_card_pays_the_same_session(
    world: World, number: str, words: str, code: str, decline_code: str | None
) -> None:
    session = await world.session()
    declined = await world.pay(session, number)
    assert declined.status_code == 402
    assert words in declined.text
    assert 'role="alert"' in declined.text
    failed = (await world.endpoint.until(1, "payment_intent.payment_failed"))[0].data.object
    assert failed["last_payment_error"]["code"] == code
    assert failed["last_payment_error"].to_dict().get("decline_code") == decline_code
    assert (await world.endpoint.until(1, "charge.failed"))[0].data.object["failure_code"] == code
    assert (await world.pay(session)).status_code == 303
    assert sorted(await charges_of(world, session.id)) == ["failed", "succeeded"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"number": "4242 4242 4242 4241"}, "Your card number is invalid."),
        ({"number": "nonsense"}, "Your card number is invalid."),
        ({"expiry": "12 / 20"}, "expiration year is in the past"),
        ({"expiry": "13 / 34"}, "expiration date is incomplete"),
        ({"cvc": "12"}, "security code is incomplete"),
        ({"name": " "}, "Enter the name on the card."),
    ],
)
async def test_what_is_no_card_never_reaches_the_bank(shared: World, form: dict[str, str], words: str) -> None:
    session = await shared.session()
    answer = await shared.pay(session, **form)
    assert answer.status_code == 422
    assert words in answer.text
    assert (await shared.sdk.v1.checkout.sessions.retrieve_async(session.id)).payment_intent is None


async def test_three_d_secure_completes_or_fails_at_the_bank(shared: World) -> None:
    session = await shared.session()
    asked = await shared.pay(session, "4000 0025 0000 3155")
    challenge = f"http://localhost:{shared.port}{asked.headers['location']}"
    page = (await shared.browser.get(challenge)).text
    assert ">Complete</button>" in page
    assert ">Fail</button>" in page
    failed = await shared.browser.post(challenge, data={"answer": "fail"})
    back = await shared.browser.get(f"http://localhost:{shared.port}{failed.headers['location']}")
    assert "unable to authenticate" in back.text
    await shared.pay(session, "4000 0025 0000 3155")
    done = await shared.browser.post(challenge, data={"answer": "complete"})
    assert done.headers["location"].startswith("http://localhost:8000/billing/done")
    assert await charges_of(shared, session.id) == ["succeeded"]


async def test_closed_sessions_say_so_and_take_no_money(shared: World) -> None:
    paid, expired = await shared.session(), await shared.session()
    await shared.pay(paid)
    await shared.sdk.v1.checkout.sessions.expire_async(expired.id)
    assert "This checkout is paid" in (await shared.browser.get(paid.url or "")).text
    assert "This checkout has expired" in (await shared.browser.get(expired.url or "")).text
    assert "not charged" in (await shared.pay(expired)).text
    assert (await shared.sdk.v1.checkout.sessions.retrieve_async(expired.id)).payment_status == "unpaid"
    unknown = await shared.browser.get(f"{shared.url}/c/pay/cs_test_unknown")
    assert unknown.status_code == 404


async def test_the_next_payment_can_be_made_to_fail(shared: World) -> None:
    await shared.fault("card_declined")
    session = await shared.session()
    assert (await shared.pay(session)).status_code == 402
    assert (await shared.pay(session)).status_code == 303


async def test_a_webhook_that_is_not_accepted_comes_again(world: World) -> None:
    world.endpoint.answers = [500, 302]
    await world.session()
    await world.sdk.v1.checkout.sessions.expire_async((await world.session()).id)
    events = await world.endpoint.until(3, "checkout.session.expired")
    assert len({event.id for event in events}) == 1
    listed = (await world.browser.get(f"{world.url}/_webhooks")).json()["deliveries"]
    assert [attempt["status"] for attempt in listed[0]["attempts"]][:2] == [500, 302]


async def test_a_webhook_can_come_twice(world: World) -> None:
    await world.fault("webhook_twice", type="checkout.session.completed")
    await world.pay(await world.session())
    events = await world.endpoint.until(4)
    completed = [event.id for event in events if event.type == "checkout.session.completed"]
    assert len(completed) == 2
    assert len(set(completed)) == 1


async def test_a_late_webhook_comes_after_the_others(world: World) -> None:
    await world.fault("webhook_late", type="charge.succeeded", seconds=0.5)
    await world.pay(await world.session())
    await world.endpoint.until(3)
    assert world.endpoint.types[-1] == "charge.succeeded"


async def test_a_lost_webhook_comes_only_when_sent_again(world: World) -> None:
    await world.fault("webhook_lost", type="checkout.session.completed")
    await world.pay(await world.session())
    await world.endpoint.until(2)
    lost = next(
        d for d in (await world.browser.get(f"{world.url}/_webhooks")).json()["deliveries"] if d["state"] == "lost"
    )
    assert lost["attempts"] == []
    assert (await world.browser.post(f"{world.url}/_webhooks/resend/{lost['event']}")).status_code == 202
    assert (await world.endpoint.until(1, "checkout.session.completed"))[0].id == lost["event"]
    assert (await world.browser.post(f"{world.url}/_webhooks/resend/evt_unknown")).status_code == 404


async def test_the_redirect_can_be_made_to_wait_for_the_webhooks(world: World) -> None:
    await world.fault("webhook_before_redirect")
    await world.fault("webhook_late", type="checkout.session.completed", seconds=0.4)
    await world.pay(await world.session())
    assert set(world.endpoint.types) == SUCCESS


async def test_delivery_goes_on_after_a_restart(tmp_path: Path) -> None:
    down, up = Endpoint(answers=[503] * 50), Endpoint()
    async with stripe_world(tmp_path / "stripe", down) as world:
        await world.pay(await world.session())
        await down.until(3)
        config = world.config
    async with AsyncExitStack() as stack:
        webhook_port = await stack.enter_async_context(receiving(up))
        section = config["stripe"]
        assert isinstance(section, dict)
        section["webhook_url"] = f"http://127.0.0.1:{webhook_port}/"
        await stack.enter_async_context(running("stripe", config, tmp_path / "stripe"))
        assert {event.type for event in await up.until(3)} == SUCCESS


async def test_health_and_faults_are_there_without_a_key(world: World) -> None:
    async with httpx2.AsyncClient(base_url=world.url, trust_env=False) as client:
        assert (await client.get("/healthz")).text == "ok"
        await client.put("/_faults/card_declined", json={"count": None})
        assert (await client.get("/_faults")).json() == {"faults": {"card_declined": {"count": None}}}
        assert (await client.put("/_faults/card_declined", json={"count": 0})).status_code == 400
        assert (await client.delete("/_faults/card_declined")).json() == {"faults": {}}
