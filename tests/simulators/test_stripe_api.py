"""The simulated Stripe API, driven by the official SDK over a socket."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import stripe

from tests.simulators.harness import running
from tests.simulators.stripe_world import World, sdk_client, stripe_world


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with stripe_world(tmp_path_factory.mktemp("stripe")) as started:
        yield started


@pytest.fixture
def once() -> stripe.RequestOptions:
    """A fresh idempotency key."""
    return {"idempotency_key": f"intent-{uuid4()}"}


async def test_a_customer_is_created_and_read_back(world: World) -> None:
    made = await world.sdk.v1.customers.create_async(
        {"email": "ada@acme.example", "name": "Ada Marsh", "metadata": {"tenant": "acme"}}
    )
    read = await world.sdk.v1.customers.retrieve_async(made.id)
    assert re.fullmatch(r"cus_\w{14}", made.id)
    assert (read.email, read.name, read.metadata["tenant"]) == ("ada@acme.example", "Ada Marsh", "acme")
    assert made.last_response.headers["request-id"].startswith("req_")
    assert made.last_response.headers["stripe-version"] == "2026-10-28.endive"


async def test_a_new_session_shows_what_it_was_made_from(world: World) -> None:
    customer = await world.customer()
    session = await world.session(customer=customer.id)
    assert session.id.startswith("cs_test_")
    assert session.url == f"http://localhost:{world.port}/c/pay/{session.id}"
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_total, session.currency, session.client_reference_id) == (5000, "usd", "top_up_17")
    assert session.metadata is not None and session.metadata["tenant"] == "acme"
    assert session.customer == customer.id
    assert session.expires_at - session.created == 24 * 3600


async def test_line_items_come_when_asked_for(world: World) -> None:
    session = await world.session()
    assert "line_items" not in session
    expanded = await world.sdk.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["line_items"]})
    assert expanded.line_items is not None
    assert [item.amount_total for item in expanded.line_items.data] == [5000]


async def test_sessions_are_listed_newest_first_and_in_pages(world: World) -> None:
    customer = (await world.customer()).id
    made = [(await world.session(customer=customer)).id for _ in range(3)]
    await world.session()
    params: dict[str, object] = {"customer": customer, "limit": 2}
    page = await world.sdk.v1.checkout.sessions.list_async(params)  # type: ignore[arg-type]
    assert [session.id for session in page.data] == [made[2], made[1]]
    assert page.has_more
    assert [session.id async for session in page.auto_paging_iter()] == made[::-1]


async def test_an_expired_session_cannot_be_expired_again(world: World) -> None:
    session = await world.session()
    expired = await world.sdk.v1.checkout.sessions.expire_async(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        await world.sdk.v1.checkout.sessions.expire_async(session.id)
    assert await world.endpoint.until(1, "checkout.session.expired")


async def test_paid_objects_hang_together(world: World) -> None:
    session = await world.session()
    await world.pay(session)
    paid = await world.sdk.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent.latest_charge"]})
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (intent.status, intent.amount_received, intent.metadata["tenant"]) == ("succeeded", 5000, "acme")
    assert (charge.paid, charge.amount, charge.payment_intent) == (True, 5000, intent.id)
    assert (await world.sdk.v1.charges.retrieve_async(charge.id)).id == charge.id
    listed = await world.sdk.v1.charges.list_async({"payment_intent": intent.id})
    assert [one.id for one in listed.data] == [charge.id]
    assert (await world.sdk.v1.payment_intents.retrieve_async(intent.id)).latest_charge == charge.id


async def test_refunds_add_up_to_the_charge_and_no_further(world: World) -> None:
    session = await world.session()
    await world.pay(session)
    paid = await world.sdk.v1.checkout.sessions.retrieve_async(session.id)
    intent = str(paid.payment_intent)
    first = await world.sdk.v1.refunds.create_async({"payment_intent": intent, "amount": 2000})
    assert (first.status, first.amount) == ("succeeded", 2000)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        await world.sdk.v1.refunds.create_async({"payment_intent": intent, "amount": 3001})
    rest = await world.sdk.v1.refunds.create_async({"payment_intent": intent, "reason": "requested_by_customer"})
    assert rest.amount == 3000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await world.sdk.v1.refunds.create_async({"payment_intent": intent})
    assert refused.value.code == "charge_already_refunded"
    charge = await world.sdk.v1.charges.retrieve_async(str(first.charge))
    assert (charge.refunded, charge.amount_refunded) == (True, 5000)
    assert (await world.sdk.v1.refunds.retrieve_async(first.id)).amount == 2000
    assert len(await world.endpoint.until(2, "charge.refunded")) == 2


async def test_events_are_listed_and_read(world: World) -> None:
    await world.pay(await world.session())
    listed = await world.sdk.v1.events.list_async(
        {"types": ["checkout.session.completed", "charge.succeeded"], "limit": 2}
    )
    assert [event.type for event in listed.data] == ["checkout.session.completed", "charge.succeeded"]
    read = await world.sdk.v1.events.retrieve_async(listed.data[0].id)
    assert read.data.object["metadata"]["tenant"] == "acme"
    assert read.api_version == "2026-10-28.endive"


async def test_a_wrong_key_is_refused_without_showing_it(world: World) -> None:
    async with sdk_client(world.port, "sk_test_SomebodyElse1234") as stranger:
        with pytest.raises(
            stripe.AuthenticationError, match=r"Invalid API Key provided: sk_test_\*\*\*\*1234"
        ) as refused:
            await stranger.v1.customers.create_async({"email": "ada@acme.example"})
    assert refused.value.http_status == 401
    bare = await world.browser.get(f"{world.url}/v1/events")
    assert (bare.status_code, bare.json()["error"]["type"]) == (401, "invalid_request_error")


async def test_basic_auth_works_as_with_curl(world: World) -> None:
    answer = await world.browser.get(f"{world.url}/v1/events", auth=("sk_test_51Simulated", ""))
    assert answer.json()["object"] == "list"


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"colour": "red"}, "colour", "parameter_unknown"),
        ({"metadata": {"k" * 41: "v"}}, "metadata", None),
        ({"line_items": [{"quantity": 1, "price_data": {"currency": "usd", "unit": 1}}]}, None, "parameter_unknown"),
        ({"expires_at": 1}, "expires_at", None),
        ({"expires_at": "soon"}, "expires_at", "parameter_invalid_integer"),
        ({"mode": "gift"}, "mode", None),
        ({"success_url": "javascript:alert(1)"}, "success_url", "url_invalid"),
        ({"customer": "cus_unknown"}, "customer", "resource_missing"),
        ({"line_items": []}, "line_items", "parameter_missing"),
    ],
)
async def test_a_bad_parameter_is_named(
    world: World, change: dict[str, object], param: str | None, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await world.session(**change)
    assert refused.value.http_status == 400
    assert refused.value.code == code
    if param is not None:
        assert refused.value.param == param


@pytest.mark.parametrize(("cents", "code"), [(49, "amount_too_small"), (100_000_000, "amount_too_large")])
async def test_the_total_has_limits(world: World, cents: int, code: str) -> None:
    item = {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": cents, "product_data": {"name": "Credit"}}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await world.session(line_items=[item])
    assert refused.value.code == code


async def test_unknown_ids_and_urls_are_404(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await world.sdk.v1.checkout.sessions.retrieve_async("cs_test_unknown")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        await world.sdk.v1.subscriptions.list_async()


async def test_the_same_key_and_parameters_replay_the_first_answer(world: World, once: stripe.RequestOptions) -> None:
    first = await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)
    again = await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)
    assert again.id == first.id
    assert "idempotent-replayed" not in first.last_response.headers
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert again.last_response.headers["original-request"] == first.last_response.headers["request-id"]


async def test_the_same_key_with_other_parameters_is_refused(world: World, once: stripe.RequestOptions) -> None:
    await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)
    with pytest.raises(stripe.IdempotencyError) as refused:
        await world.sdk.v1.customers.create_async({"email": "ben@acme.example"}, once)
    assert refused.value.http_status == 400


async def test_a_refused_request_leaves_its_key_free(world: World, once: stripe.RequestOptions) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await world.sdk.v1.customers.create_async({"email": "nobody"}, once)
    assert (await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)).id


async def test_a_key_in_use_is_a_conflict(world: World, once: stripe.RequestOptions) -> None:
    await world.fault("api_slow", seconds=0.3)

    async def create() -> object:
        return await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)

    results = await asyncio.gather(create(), create(), return_exceptions=True)
    conflicts = [result for result in results if isinstance(result, stripe.StripeError)]
    assert [conflict.http_status for conflict in conflicts] == [409]
    assert (await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)).id


async def test_a_cut_after_the_work_leaves_the_work_done(world: World, once: stripe.RequestOptions) -> None:
    await world.fault("api_timeout_after_success", close=True)
    with pytest.raises(stripe.APIConnectionError):
        await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)
    again = await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)
    assert again.last_response.headers["idempotent-replayed"] == "true"


async def test_an_answer_that_never_comes_leaves_the_work_done_too(world: World, once: stripe.RequestOptions) -> None:
    await world.fault("api_timeout_after_success", seconds=0.2, path="/v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)
    again = await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)
    assert again.last_response.headers["idempotent-replayed"] == "true"


async def test_errors_of_the_service_reach_the_sdk_as_such(world: World) -> None:
    await world.fault("api_error")
    with pytest.raises(stripe.APIError):
        await world.customer()
    await world.fault("api_rate_limited")
    with pytest.raises(stripe.RateLimitError):
        await world.customer()
    assert (await world.customer()).id


async def test_a_restart_keeps_everything(tmp_path: Path, once: stripe.RequestOptions) -> None:
    async with stripe_world(tmp_path / "stripe") as world:
        session = await world.session()
        await world.pay(session)
        customer = await world.sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)
        config = world.config
    async with running("stripe", config, tmp_path / "stripe") as port, sdk_client(port) as sdk:
        assert (await sdk.v1.checkout.sessions.retrieve_async(session.id)).payment_status == "paid"
        again = await sdk.v1.customers.create_async({"email": "ada@acme.example"}, once)
        assert again.id == customer.id
