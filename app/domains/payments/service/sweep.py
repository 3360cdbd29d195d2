"""The sweeper: a lost webhook loses no money. Overdue payments are looked up at Stripe, lost messages are processed."""

from uuid import UUID

import structlog

from app.domains.payments import policies
from app.domains.payments.errors import PaymentRefused, PaymentsUnavailable
from app.domains.payments.gateway import StripeGateway, gateway_of
from app.domains.payments.repository.inbox import InboxRepository
from app.domains.payments.repository.payments import Payment, PaymentRepository
from app.domains.payments.rules.sessions import CheckoutSession
from app.domains.payments.service.process import process
from app.domains.payments.service.settle import settle
from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.context import Runtime

log = structlog.get_logger("berth.payments")
BATCH = 50
NEVER_OPENED_SECONDS = 24 * 3_600


async def sweep(runtime: Runtime) -> int:
    """Run once. Returns how many payments were settled."""
    async with runtime.context(SYSTEM) as ctx:
        await InboxRepository(ctx.session).reopen_settled()
        after = await ctx.policy(policies.SWEEP_AFTER)
        overdue = await PaymentRepository(ctx.session).list_overdue(await ctx.now(), after, BATCH)
    await _process_pending(runtime)
    if not overdue:
        return 0
    stripe = gateway_of(runtime)
    return await one_by_one(
        overdue, lambda payment: _look_up(runtime, stripe, payment), "a payment could not be settled"
    )


async def process_deferred(runtime: Runtime, payment_id: UUID) -> None:
    """Process the messages that came before their payment was settled, one transaction each."""
    async with runtime.context(SYSTEM) as ctx:
        payment = await PaymentRepository(ctx.session).find(payment_id)
        intent = payment.payment_intent_id if payment else None
        deferred = await InboxRepository(ctx.session).reopen_deferred(intent, BATCH) if intent else []
    await _process_each(runtime, deferred)


async def _process_pending(runtime: Runtime) -> None:
    """Process all lost messages. One that fails does not stop those after it."""
    after: UUID | None = None
    while True:
        async with runtime.context(SYSTEM) as ctx:
            pending = await InboxRepository(ctx.session).list_pending(await ctx.now(), after, BATCH)
        if not pending:
            return
        await _process_each(runtime, pending)
        after = pending[-1]


async def _process_each(runtime: Runtime, message_ids: list[UUID]) -> None:
    async def process_one(message_id: UUID) -> None:
        async with runtime.context(SYSTEM) as ctx:
            await process(ctx, message_id)

    await one_by_one(message_ids, process_one, "a webhook could not be processed")


async def _look_up(runtime: Runtime, stripe: StripeGateway, payment: Payment) -> int:
    session: CheckoutSession | None = None
    if payment.stripe_session_id is not None:
        try:
            session = await stripe.get_checkout(payment.stripe_session_id)
        except (PaymentsUnavailable, PaymentRefused) as error:
            log.warning("payment could not be looked up", payment_id=str(payment.id), code=error.code)
    async with runtime.context(SYSTEM) as ctx:
        if session is not None:
            return int(await settle(ctx, payment.id, session) in ("paid", "expired"))
        payments, now = PaymentRepository(ctx.session), await ctx.now()
        if payment.stripe_session_id is None and (now - payment.created_at).total_seconds() > NEVER_OPENED_SECONDS:
            await payments.set_closed(payment.id, "failed", now)
            return 1
        await payments.set_checked(payment.id, now)
        return 0
