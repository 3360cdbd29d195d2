"""A lost webhook loses no money: payments without news are looked up at Stripe, forgotten messages are worked off."""

from uuid import UUID

import structlog

from app.domains.payments import policies, repository
from app.domains.payments.contracts import SessionFacts
from app.domains.payments.errors import PaymentRefused, PaymentsUnavailable
from app.domains.payments.gateway import StripeGateway, open_gateway
from app.domains.payments.repository import Payment
from app.domains.payments.service import webhooks
from app.domains.payments.service.settle import settle
from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.context import Runtime

log = structlog.get_logger("berth.payments")
AT_ONCE = 50
NEVER_OPENED_SECONDS = 24 * 3_600


async def sweep(runtime: Runtime) -> int:
    """One round. Returns how many payments it brought to an end."""
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        await repository.reopen_settled(ctx.session)
        after = await ctx.policy(policies.SWEEP_AFTER)
        waiting = await repository.list_waiting(ctx.session, now, after, AT_ONCE)
    await _messages(runtime)
    if not waiting:
        return 0
    async with open_gateway(runtime.settings.stripe) as stripe:
        return await one_by_one(
            waiting, lambda payment: _look_up(runtime, stripe, payment), "a payment could not be brought to its end"
        )


async def process_waiting(runtime: Runtime, payment_id: UUID) -> None:
    """Work off what was told about a payment before it was settled, each message in a transaction of its own."""
    async with runtime.context(SYSTEM) as ctx:
        payment = await repository.find_payment(ctx.session, payment_id)
        intent = payment.payment_intent_id if payment else None
        waiting = await repository.reopen_waiting(ctx.session, intent, AT_ONCE) if intent else []

    async def process(message_id: UUID) -> None:
        async with runtime.context(SYSTEM) as ctx:
            await webhooks.process(ctx, message_id)

    await one_by_one(waiting, process, "a webhook that waited could not be worked off")


async def _messages(runtime: Runtime) -> None:
    """Work off forgotten messages, all there are: those that cannot be must not hold back those behind them."""

    async def process(message_id: UUID) -> None:
        async with runtime.context(SYSTEM) as ctx:
            await webhooks.process(ctx, message_id)

    after: UUID | None = None
    while True:
        async with runtime.context(SYSTEM) as ctx:
            pending = await repository.list_pending(ctx.session, await ctx.now(), after, AT_ONCE)
        if not pending:
            return
        await one_by_one(pending, process, "a webhook could not be worked off")
        after = pending[-1]


async def _look_up(runtime: Runtime, stripe: StripeGateway, payment: Payment) -> int:
    facts: SessionFacts | None = None
    if payment.stripe_session_id is not None:
        try:
            facts = await stripe.get_checkout(payment.stripe_session_id)
        except (PaymentsUnavailable, PaymentRefused) as error:
            log.warning("payment could not be looked up", payment_id=str(payment.id), code=error.code)
    async with runtime.context(SYSTEM) as ctx:
        if facts is not None:
            return int(await settle(ctx, payment.id, facts) in ("paid", "expired"))
        now = await ctx.now()
        if payment.stripe_session_id is None and (now - payment.created_at).total_seconds() > NEVER_OPENED_SECONDS:
            await repository.set_closed(ctx.session, payment.id, "failed", now)
            return 1
        await repository.set_checked(ctx.session, payment.id, now)
        return 0
