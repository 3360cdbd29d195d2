"""A lost webhook loses no money: payments without news are looked up at Stripe, forgotten messages are worked off."""

import structlog

from app.context import Runtime
from app.domains.payments import policies, repository
from app.domains.payments.contracts import SessionFacts
from app.domains.payments.errors import PaymentRefused, PaymentsUnavailable
from app.domains.payments.gateway import StripeGateway, open_gateway
from app.domains.payments.repository import Payment
from app.domains.payments.service import webhooks
from app.domains.payments.service.settle import settle
from app.shared.authz.actor import SYSTEM

log = structlog.get_logger("berth.payments")
AT_ONCE = 50
NEVER_OPENED_SECONDS = 24 * 3_600


async def sweep(runtime: Runtime) -> int:
    """One round. Returns how many payments it brought to an end."""
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        pending = await repository.list_pending(ctx.session, now, AT_ONCE)
        after = await ctx.policy(policies.SWEEP_AFTER)
        waiting = await repository.list_waiting(ctx.session, now, after, AT_ONCE)
    for message_id in pending:
        try:
            async with runtime.context(SYSTEM) as ctx:
                await webhooks.process(ctx, message_id)
        except Exception:  # one that cannot be worked off must not hold back everybody's behind it
            log.exception("a webhook could not be worked off", message_id=str(message_id))
    if not waiting:
        return 0
    async with open_gateway(runtime.settings.stripe) as stripe:
        return sum([await _look_up_alone(runtime, stripe, payment) for payment in waiting])


async def _look_up_alone(runtime: Runtime, stripe: StripeGateway, payment: Payment) -> int:
    try:
        return await _look_up(runtime, stripe, payment)
    except Exception:  # the others are looked up all the same
        log.exception("a payment could not be brought to its end", payment_id=str(payment.id))
        return 0


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
