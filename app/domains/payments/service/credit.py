"""Buys credit: record the payment, commit, ask Stripe for a Checkout page, record it, and send the buyer there."""

from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.billing import public as billing
from app.domains.billing.contracts import BalanceView
from app.domains.payments import policies
from app.domains.payments.contracts import PaymentId, RefundView
from app.domains.payments.errors import PaymentRefused
from app.domains.payments.gateway import CheckoutOrder, gateway_of
from app.domains.payments.repository.payments import NewPayment, Payment, PaymentRepository
from app.domains.payments.repository.refunds import RefundRepository
from app.domains.payments.rules.amounts import to_cents
from app.shared.audit import AuditAction
from app.shared.authz import ActorKind, Permission, tenant_scope
from app.shared.context import Context, ContextFactory
from app.shared.errors import NotFound, ValidationFailed
from app.shared.formats import money
from app.shared.ids import new_id
from app.shared.money import MICRO_PER_CENT, Micro
from app.shared.use_case import use_case


class AddCredit(msgspec.Struct, frozen=True, kw_only=True):
    """Buy `amount` of credit in the tenant's currency."""

    amount: Micro


class PaymentRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """The payment is committed: the response to an idempotent repeat."""

    payment_id: PaymentId


class CreditOffer(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant's balance, and the smallest and largest amount of credit that it may buy at once."""

    balance: BalanceView
    minimum: Micro
    maximum: Micro


@use_case(Permission.PAYMENT_CREATE, AuditAction.PAYMENT_CREATE, lambda _, result: result and result.payment_id)
async def record_intent(ctx: Context, command: AddCredit) -> PaymentRecorded:
    """Record a payment in the tenant's currency. Raises ValidationFailed outside the policy's bounds."""
    scope = tenant_scope(ctx.actor, Permission.PAYMENT_CREATE)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    await _check_amount(ctx, command.amount, tenant.currency)
    await billing.open_accounts(ctx, scope.tenant_id, tenant.currency)
    payment_id = PaymentId(new_id())
    payment = NewPayment(
        id=payment_id,
        tenant_id=scope.tenant_id,
        project_id=ctx.actor.project_id,
        user_id=ctx.actor.id,
        amount=command.amount,
        currency=tenant.currency,
    )
    await PaymentRepository(ctx.session).append(payment, await ctx.now())
    return PaymentRecorded(payment_id=payment_id)


async def add_credit(contexts: ContextFactory, command: AddCredit) -> Payment:
    """Start a payment; its `checkout_url` is where to pay.

    One idempotency key makes one payment and one Checkout page, even when Stripe's response was lost. Raises
    PaymentsUnavailable, PaymentRefused, ValidationFailed.
    """
    async with contexts() as ctx:
        recorded = await record_intent(ctx, command)
        payment = await get_payment(ctx, recorded.payment_id)
        order = _order(ctx, payment, await _buyer_mail(ctx))
        stripe = gateway_of(ctx.runtime)
    if payment.stripe_session_id is None:
        session = await stripe.create_checkout(order)
        async with contexts() as ctx:
            now = await ctx.now()
            await PaymentRepository(ctx.session).set_opened(payment.id, session.session_id, session.url, now)
            payment = await get_payment(ctx, recorded.payment_id)
    if payment.checkout_url is None and payment.status == "open":
        raise PaymentRefused()
    return payment


async def get_payment(ctx: Context, payment_id: UUID) -> Payment:
    """A payment of the actor's organisation. Raises NotFound, also for another organisation's."""
    scope = tenant_scope(ctx.actor, Permission.PAYMENT_CREATE)
    payment = await PaymentRepository(ctx.session).find_own(scope, payment_id)
    if payment is None:
        raise NotFound()
    return payment


async def get_offer(ctx: Context) -> CreditOffer:
    """What the actor's organisation has and may buy."""
    scope = tenant_scope(ctx.actor, Permission.PAYMENT_CREATE)
    return CreditOffer(
        balance=await billing.balance(ctx, scope.tenant_id),
        minimum=Micro(await ctx.policy(policies.CREDIT_MINIMUM, scope.tenant_id)),
        maximum=Micro(await ctx.policy(policies.CREDIT_MAXIMUM, scope.tenant_id)),
    )


async def list_own_refunds(ctx: Context) -> list[RefundView]:
    """The refunds of the actor's organisation, newest first."""
    scope = tenant_scope(ctx.actor, Permission.BILLING_READ)
    return await RefundRepository(ctx.session).list_of_tenant(scope)


async def _check_amount(ctx: Context, amount: Micro, currency: str) -> None:
    minimum = await ctx.policy(policies.CREDIT_MINIMUM, ctx.actor.tenant_id)
    maximum = await ctx.policy(policies.CREDIT_MAXIMUM, ctx.actor.tenant_id)
    if not minimum <= amount <= maximum:
        message = f"Choose an amount from {money(minimum, currency)} to {money(maximum, currency)}."
        raise ValidationFailed(message, fields={"amount": message})
    if amount % MICRO_PER_CENT:
        raise ValidationFailed(fields={"amount": "An amount has at most two decimals."})


async def _buyer_mail(ctx: Context) -> str | None:
    """The address to fill in on the Checkout page; a program has none."""
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        return None
    person = (await auth.people(ctx, [ctx.actor.id])).get(ctx.actor.id)
    return person.email if person and person.email else None


def _order(ctx: Context, payment: Payment, mail: str | None) -> CheckoutOrder:
    origin = ctx.settings.web.public_url
    return CheckoutOrder(
        payment_id=str(payment.id),
        tenant_id=str(payment.tenant_id),
        amount_cents=to_cents(payment.amount),
        currency=payment.currency,
        success_url=f"{origin}/billing/credit/return?intent={payment.id}",
        cancel_url=f"{origin}/billing/credit?canceled=1",
        created_at=payment.created_at,
        mail=mail,
    )
