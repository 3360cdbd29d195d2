"""Delivering events to the one webhook endpoint: signed, retried with back-off, carried on after a restart.

Owns the delivery loop. Any 2xx answer is a success; redirects are not followed. A delivery is never given up: after the
steps below it is tried every 30 seconds.
"""

import asyncio
import logging
import ssl
from contextlib import suppress

import httpx2
import msgspec
import stripe

from devstack.simulators.stripe.account import Account
from devstack.simulators.stripe.errors import missing
from devstack.simulators.stripe.models import Attempt, Delivery, Event, new_id

BACK_OFF_SECONDS = (0.2, 1.0, 3.0, 10.0, 30.0)
ANSWER_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Dispatcher:
    """The background task that sends what is due. `url` empty = no endpoint is registered."""

    def __init__(self, account: Account, url: str, secret: str) -> None:
        self._account = account
        self._store = account.store
        self._url = url
        self._secret = secret
        self._wake = asyncio.Event()
        self._answered = asyncio.Condition()
        self._loop: asyncio.Task[None] | None = None
        self._sending: dict[str, asyncio.Task[None]] = {}
        account.wake = self._wake.set

    async def start(self) -> None:
        """Begin, with whatever an earlier run left undelivered."""
        # Straight to the endpoint: neither proxies nor credentials of the environment may leak in.
        # The endpoint is plain HTTP on loopback; a context that trusts no authority spares reading the system's.
        trust_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx2.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False, verify=trust_nobody)
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once. What was under way is sent again by the next run: at least once, as the real one."""
        tasks = [task for task in (self._loop, *self._sending.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def resend(self, event_id: str) -> Delivery:
        """A fresh delivery of an event, now. Raises StripeError when the event is unknown."""
        if self._store.find(Event, event_id) is None:
            raise missing("event", event_id, "id")
        delivery = Delivery(id=new_id("whd"), event=event_id, due=self._account.now())
        self._store.put(delivery.id, delivery)
        self._wake.set()
        return delivery

    async def settle(self, event_ids: set[str], timeout: float = ANSWER_SECONDS) -> bool:
        """Wait until every delivery of these events was answered with 2xx (or lost); False after `timeout` seconds."""

        def settled() -> bool:
            mine = [delivery for delivery in self._store.all(Delivery) if delivery.event in event_ids]
            return all(delivery.state != "pending" for delivery in mine)

        with suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._answered:
                await self._answered.wait_for(settled)
        return settled()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._account.expire_overdue()
            pending = [d for d in self._store.all(Delivery) if d.state == "pending" and d.id not in self._sending]
            now = self._account.now()
            for delivery in pending:
                if delivery.due <= now:
                    self._sending[delivery.id] = asyncio.create_task(self._send(delivery))
            waits = [delivery.due - now for delivery in pending if delivery.due > now]
            with suppress(TimeoutError):
                async with asyncio.timeout(min([*waits, 5.0])):
                    await self._wake.wait()

    async def _send(self, delivery: Delivery) -> None:
        event = self._store.find(Event, delivery.event)
        if event is None:
            return
        wire = msgspec.json.encode(self._account.wire_event(event))
        payload = msgspec.json.format(wire, indent=2).decode()
        signature = stripe.WebhookSignature.generate_signature_header(payload, self._secret)
        status, problem = await self._post(payload, signature)
        delivery.attempts.append(Attempt(self._account.now(), status, problem))
        if status is not None and 200 <= status < 300:
            delivery.state = "delivered"
        else:
            step = min(len(delivery.attempts), len(BACK_OFF_SECONDS)) - 1
            delivery.due = self._account.now() + BACK_OFF_SECONDS[step]
            logger.info("webhook %s for %s not accepted: %s", event.type, event.id, problem or status)
        self._store.put(delivery.id, delivery)
        del self._sending[delivery.id]
        self._wake.set()
        async with self._answered:
            self._answered.notify_all()

    async def _post(self, payload: str, signature: str) -> tuple[int | None, str | None]:
        headers = {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": signature,
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = await self._client.post(self._url, content=payload.encode(), headers=headers)
        except (httpx2.HTTPError, OSError) as error:
            return None, type(error).__name__
        return answer.status_code, None
