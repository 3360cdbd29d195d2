"""Buying credit in a few words: a buyer, a simulated Stripe, a mailbox of signed webhooks, our own jobs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import msgspec
import stripe
from sqlalchemy import text

from app.domains.billing import public as billing
from app.domains.payments.jobs import process_event
from app.shared.authz.actor import SYSTEM
from devstack.simulators.http import Receive, Scope, Send, read_request
from tests.fixtures.app import Browser, tenant_of
from tests.simulators.stripe_world import WEBHOOK_SECRET, Endpoint, World

if TYPE_CHECKING:
    from app.shared.context import Runtime


class Mailbox(Endpoint):
    """Keeps each webhook as it came: body and signature."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[tuple[bytes, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        assert request is not None
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        async with self.arrived:
            self.letters.append((request.body, request.headers["stripe-signature"]))
            self.arrived.notify_all()

    async def collect(self, count: int) -> list[tuple[bytes, str]]:
        """Wait (at most 5 s) for `count` letters; oldest event first."""
        async with asyncio.timeout(5), self.arrived:
            await self.arrived.wait_for(lambda: len(self.letters) >= count)
        return list(self.letters)


class Buyer:
    """Ada buys credit."""

    world: World

    def __init__(self, runtime: Runtime, ada: Browser) -> None:
        self.runtime = runtime
        self.ada = ada
        self.mailbox = Mailbox()

    async def order(self, amount: str = "25", key: str | None = None) -> httpx.Response:
        """Press "Continue to payment"; the same key is the same press."""
        form = self.ada.form(amount=amount)
        if key:
            form["_idempotency_key"] = key
        return await self.ada.client.post("/billing/credit", data=form, headers={"sec-fetch-site": "same-origin"})

    async def pay(self, checkout_url: str, number: str = "4242 4242 4242 4242") -> str:
        """Pay at the Checkout page; returns where the browser is sent."""
        card = {"card_number": number, "expiry": "12 / 34", "cvc": "123", "name": "Ada Marsh", "email": "a@x.example"}
        answer = await self.world.browser.post(checkout_url, data=card)
        return answer.headers.get("location", "")

    async def buy(self, amount: str = "25") -> list[tuple[bytes, str]]:
        """Order and pay; returns the webhooks that this caused, not yet delivered."""
        await self.pay((await self.order(amount)).headers["location"])
        return await self.mailbox.collect(3)

    async def deliver(self, body: bytes, signature: str) -> int:
        """One webhook arrives at our door; its status."""
        answer = await self.ada.client.post(
            "/webhooks/stripe",
            content=body,
            headers={
                "stripe-signature": signature.encode("latin-1"),
                "content-type": b"application/json",
                "cookie": b"",
            },
        )
        return answer.status_code

    async def deliver_event(self, event: dict[str, object], secret: str = WEBHOOK_SECRET, age: int = 0) -> int:
        """A webhook of our own making, signed well."""
        body = msgspec.json.encode(event).decode()
        header = stripe.WebhookSignature.generate_signature_header(body, secret, int(time.time()) - age)
        return await self.deliver(body.encode(), header)

    async def work(self) -> None:
        """Run every job that the webhooks asked for, twice, as many at once as a worker runs."""
        rows = await self.rows("SELECT payload FROM shared.outbox_events WHERE kind = 'job'")
        room = asyncio.Semaphore(16)

        async def run(arguments: dict[str, object]) -> None:
            async with room:
                await process_event(self.runtime, arguments)

        await asyncio.gather(*(run(dict(row[0])) for row in rows for _ in range(2)))  # type: ignore[call-overload]

    async def credit(self) -> int:
        async with self.runtime.context(SYSTEM) as ctx:
            return (await billing.balance(ctx, tenant_of(self.ada))).available

    async def rows(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        async with self.runtime.context(SYSTEM) as ctx:
            return [tuple(row) for row in await ctx.session.execute(text(sql), values)]

    async def payment(self) -> tuple[UUID, str, str | None]:
        """Id, status and problem of the only payment."""
        [(payment_id, status, problem)] = await self.rows("SELECT id, status, problem FROM payments.payment_sessions")
        return payment_id, status, problem  # type: ignore[return-value]

    async def age(self, seconds: int) -> None:
        """Let the payments be older than they are."""
        await self.rows(
            "UPDATE payments.payment_sessions SET created_at = created_at - make_interval(secs => :s),"
            " updated_at = updated_at - make_interval(secs => :s) RETURNING id",
            s=seconds,
        )
