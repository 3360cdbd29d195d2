"""A running simulated Stripe as the product sees it: the official SDK, a webhook endpoint, a buyer's browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import stripe

from devstack.simulators.__main__ import Config
from devstack.simulators.http import Message, Receive, Scope, Send, read_request
from tests.simulators.harness import plain_client, receiving, running

SECRET_KEY = "sk_test_51Simulated"
WEBHOOK_SECRET = "whsec_simulated"


@dataclass
class Endpoint:
    """A webhook endpoint that answers with `answers` in turn (then 200) and keeps what the SDK verified."""

    events: list[stripe.Event] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        assert request is not None
        event = stripe.Webhook.construct_event(request.body, request.headers["stripe-signature"], WEBHOOK_SECRET)
        status = self.answers.pop(0) if self.answers else 200
        start: Message = {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]}
        await send(start)
        await send({"type": "http.response.body", "body": b""})
        async with self.arrived:
            self.events.append(event)
            self.arrived.notify_all()

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    async def until(self, count: int, kind: str | None = None) -> list[stripe.Event]:
        """Wait (at most 5 s) until `count` events (of a type) have arrived; returns them."""

        def matching() -> list[stripe.Event]:
            return [event for event in self.events if kind in (None, event.type)]

        async with asyncio.timeout(5), self.arrived:
            await self.arrived.wait_for(lambda: len(matching()) >= count)
        return matching()


@dataclass
class World:
    """Everything around one simulator."""

    port: int
    sdk: stripe.StripeClient
    endpoint: Endpoint
    browser: httpx2.AsyncClient
    config: Config
    data_dir: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def fault(self, name: str, **spec: object) -> None:
        answer = await self.browser.put(f"{self.url}/_faults/{name}", json=spec)
        assert answer.status_code == 200

    async def customer(self) -> stripe.Customer:
        return await self.sdk.v1.customers.create_async({"email": "ada@acme.example", "name": "Ada Marsh"})

    async def session(self, **more: object) -> stripe.checkout.Session:
        """A $50.00 session."""
        customer = more.pop("customer", None) or (await self.customer()).id
        params = {
            "mode": "payment",
            "customer": customer,
            "client_reference_id": "top_up_17",
            "metadata": {"tenant": "acme"},
            "payment_intent_data": {"metadata": {"tenant": "acme"}},
            "success_url": "http://localhost:8000/billing/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://localhost:8000/billing",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {"currency": "usd", "unit_amount": 5000, "product_data": {"name": "Prepaid credit"}},
                }
            ],
            **more,
        }
        return await self.sdk.v1.checkout.sessions.create_async(params)  # type: ignore[arg-type]

    async def pay(
        self, session: stripe.checkout.Session, number: str = "4242 4242 4242 4242", **form: str
    ) -> httpx2.Response:
        """What the browser sends when the buyer presses Pay."""
        assert session.url is not None
        card = {"card_number": number, "expiry": "12 / 34", "cvc": "123", "name": "Ada Marsh", **form}
        return await self.browser.post(session.url, data=card)


@asynccontextmanager
async def stripe_world(data_dir: Path, endpoint: Endpoint | None = None) -> AsyncIterator[World]:
    """Start everything. With no `endpoint`, one that accepts all."""
    endpoint = endpoint or Endpoint()
    async with AsyncExitStack() as stack:
        webhook_port = await stack.enter_async_context(receiving(endpoint))
        config: Config = {
            "stripe": {
                "port": 0,
                "secret_key": SECRET_KEY,
                "webhook_secret": WEBHOOK_SECRET,
                "webhook_url": f"http://127.0.0.1:{webhook_port}/webhooks/stripe",
            }
        }
        port = await stack.enter_async_context(running("stripe", config, data_dir))
        browser = await stack.enter_async_context(plain_client(20))
        async with sdk_client(port) as sdk:
            yield World(port, sdk, endpoint, browser, config, data_dir)


@asynccontextmanager
async def sdk_client(port: int, key: str = SECRET_KEY) -> AsyncIterator[stripe.StripeClient]:
    """The SDK as the product configures it, closed afterwards."""
    http_client = stripe.HTTPXClient(timeout=10, verify_ssl_certs=False)  # plain HTTP; spares reading CAs
    base: stripe.BaseAddresses = {"api": f"http://127.0.0.1:{port}"}
    try:
        yield stripe.StripeClient(key, base_addresses=base, http_client=http_client, max_network_retries=0)
    finally:
        await http_client.close_async()
