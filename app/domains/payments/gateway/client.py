"""Stripe's API: Checkout sessions, refunds and signed events. Knows no table.

Requests are retried with the payment's id as idempotency key, so a lost response never makes a second order. The
gateway refuses to run while a transaction is open. The SDK is read when it is first used: most processes never are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec
import structlog

from app.domains.payments.errors import PaymentRefused, PaymentsUnavailable
from app.domains.payments.gateway.records import checkout_session_of, refund_of, text_of
from app.domains.payments.rules.refunds import StripeRefund
from app.domains.payments.rules.sessions import CheckoutSession
from app.shared.context import Runtime
from app.shared.db import refuse_open_transaction
from app.shared.records import UNREADABLE, Unread

if TYPE_CHECKING:
    import stripe
    from stripe.params import RefundCreateParams, RefundListParams
    from stripe.params.checkout import SessionCreateParams, SessionListParams

log = structlog.get_logger("berth.payments")
T = TypeVar("T")

TIMEOUT_SECONDS = 8
RETRY_DELAYS = (timedelta(milliseconds=200), timedelta(milliseconds=800))  # between three attempts
CHECKOUT_SECONDS = 23 * 3_600  # how long a Checkout page stays open; Stripe allows up to a day
RETRYABLE_STATUS = frozenset({409, 429})


class CheckoutOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a Checkout page sells. The same order always makes the same request."""

    payment_id: str
    tenant_id: str
    amount_cents: int
    currency: str
    success_url: str
    cancel_url: str
    created_at: datetime
    mail: str | None = None


class RefundOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A refund of a payment. The same order always makes the same request."""

    refund_id: str
    tenant_id: str
    payment_intent_id: str
    amount_cents: int


class StripeGateway:
    """Stripe for one use case; `gateway_of` makes it."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client
        self.unread: list[Unread] = []  # records of lists that could not be read

    async def create_checkout(self, order: CheckoutOrder) -> CheckoutSession:
        """Open a Checkout session, or find the one of this payment. Raises PaymentsUnavailable, PaymentRefused."""
        refuse_open_transaction()
        create = self._client.v1.checkout.sessions.create_async
        options: stripe.RequestOptions = {"idempotency_key": f"checkout:{order.payment_id}"}
        return checkout_session_of(await _retrying("create_checkout", lambda: create(_params(order), options)))

    async def get_checkout(self, session_id: str) -> CheckoutSession:
        """The state of a session. Raises PaymentsUnavailable, PaymentRefused (also for an unknown session)."""
        refuse_open_transaction()
        retrieve = self._client.v1.checkout.sessions.retrieve_async
        return checkout_session_of(await _retrying("get_checkout", lambda: retrieve(session_id)))

    async def create_refund(self, order: RefundOrder) -> StripeRefund:
        """Refund money, or find the refund that this order made. Raises PaymentsUnavailable, PaymentRefused."""
        refuse_open_transaction()
        create = self._client.v1.refunds.create_async
        params: RefundCreateParams = {
            "payment_intent": order.payment_intent_id,
            "amount": order.amount_cents,
            "metadata": {"berth_refund": order.refund_id, "berth_tenant": order.tenant_id},
        }
        options: stripe.RequestOptions = {"idempotency_key": f"refund:{order.refund_id}"}
        return refund_of(await _retrying("create_refund", lambda: create(params, options)))

    async def find_refund(self, order: RefundOrder) -> StripeRefund | None:
        """The refund of an earlier order, by its metadata. Raises PaymentsUnavailable, PaymentRefused."""
        unread = len(self.unread)
        listed = await self.list_refunds(order.payment_intent_id)
        existing = next((refund for refund in listed if refund.refund_id == order.refund_id), None)
        if existing is None and len(self.unread) > unread:
            # The unread one may be this refund, which must never be made twice.
            log.error("a refund is not sent while one at stripe cannot be read", refund_id=order.refund_id)
            raise PaymentsUnavailable(retry_after=60)
        return existing

    async def get_refund(self, stripe_refund_id: str) -> StripeRefund:
        """The state of a refund. Raises PaymentsUnavailable, PaymentRefused."""
        refuse_open_transaction()
        retrieve = self._client.v1.refunds.retrieve_async
        return refund_of(await _retrying("get_refund", lambda: retrieve(stripe_refund_id)))

    async def list_refunds(self, payment_intent_id: str) -> list[StripeRefund]:
        """Every refund of a payment, page by page. Raises PaymentsUnavailable, PaymentRefused."""
        refuse_open_transaction()
        listing = self._client.v1.refunds.list_async

        def page(after: str | None) -> Awaitable[object]:
            params: RefundListParams = {"payment_intent": payment_intent_id, "limit": 100}
            return listing(params if after is None else {**params, "starting_after": after})

        return await self._each("list_refunds", page, refund_of)

    async def list_checkouts(self, since: datetime) -> list[CheckoutSession]:
        """Every session made since then, page by page. Raises PaymentsUnavailable, PaymentRefused."""
        refuse_open_transaction()
        listing = self._client.v1.checkout.sessions.list_async

        def page(after: str | None) -> Awaitable[object]:
            params: SessionListParams = {"created": {"gte": int(since.timestamp())}, "limit": 100}
            return listing(params if after is None else {**params, "starting_after": after})

        return await self._each("list_checkouts", page, checkout_session_of)

    async def _each(
        self, what: str, page_after: Callable[[str | None], Awaitable[object]], read: Callable[[object], T]
    ) -> list[T]:
        """All records of a list, page by page. One that cannot be read is skipped and added to `unread`; the last
        record with an id is the cursor of the next page."""
        items: list[T] = []
        after: str | None = None
        while True:
            page = await _retrying(what, partial(page_after, after))
            listed = getattr(page, "data", None)
            records = listed if isinstance(listed, list) else []
            for record in records:
                try:
                    items.append(read(record))
                except UNREADABLE as error:
                    self.unread.append(Unread(text_of(getattr(record, "id", None)) or "", str(error)))
            ids = [record_id for record in records if (record_id := text_of(getattr(record, "id", None)))]
            if not getattr(page, "has_more", False) or not ids or ids[-1] == after:
                return items
            after = ids[-1]


class StripeConnections:
    """The process's one client of Stripe, with the connections that it keeps."""

    def __init__(self, runtime: Runtime) -> None:
        import stripe

        settings = runtime.settings.stripe
        # A simulator speaks plain HTTP on loopback: reading the system's authorities would only cost time.
        self._http = stripe.HTTPXClient(
            timeout=TIMEOUT_SECONDS, verify_ssl_certs=not (settings.api_url or "").startswith("http:")
        )
        self.client = stripe.StripeClient(
            settings.secret_key,
            http_client=self._http,
            max_network_retries=0,
            base_addresses={"api": settings.api_url} if settings.api_url else None,
        )

    async def aclose(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


def gateway_of(runtime: Runtime) -> StripeGateway:
    """Stripe for one use case, over the connections of the process."""
    return StripeGateway(runtime.part(StripeConnections).client)


def _params(order: CheckoutOrder) -> SessionCreateParams:
    metadata = {"berth_payment": order.payment_id, "berth_tenant": order.tenant_id}
    params: SessionCreateParams = {
        "mode": "payment",
        "client_reference_id": order.payment_id,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": order.currency.lower(),
                    "unit_amount": order.amount_cents,
                    "product_data": {"name": "Berth credit"},
                },
            }
        ],
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "expires_at": int(order.created_at.timestamp()) + CHECKOUT_SECONDS,
    }
    if order.mail:
        params["customer_email"] = order.mail
    return params


async def _retrying(what: str, call: Callable[[], Awaitable[T]]) -> T:
    import stripe

    for delay in (*RETRY_DELAYS, None):
        try:
            return await call()
        except stripe.StripeError as error:
            if not _is_retryable(error):
                log.error("stripe refused", call=what, code=error.code, status=error.http_status)
                raise PaymentRefused() from error
            log.warning("stripe did not respond as expected", call=what, code=error.code, status=error.http_status)
            if delay is None:
                raise PaymentsUnavailable(retry_after=5) from error
            await asyncio.sleep(delay.total_seconds())
    raise PaymentsUnavailable(retry_after=5)


def _is_retryable(error: stripe.StripeError) -> bool:
    import stripe

    status = error.http_status
    return isinstance(error, stripe.APIConnectionError) or status is None or status >= 500 or status in RETRYABLE_STATUS
