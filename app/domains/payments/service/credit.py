"""Buying credit: record the intent, commit, ask Stripe for a Checkout page, record it, send the buyer there."""

from uuid import UUID

from app.domains.auth import public as auth
from app.domains.billing import public as billing
from app.domains.payments import policies, repository, rules
from app.domains.payments.contracts import (
    AddCredit,
    CreditPage,
    PaymentId,
    PaymentRecorded,
    PaymentView,
    Preset,
    ReturnPage,
)
from app.domains.payments.errors import PaymentRefused
from app.domains.payments.gateway import CheckoutOrder, open_gateway
from app.shared.audit import AuditAction
from app.shared.authz import ActorKind, Permission, tenant_scope
from app.shared.context import Context, ContextFactory
from app.shared.errors import NotFound, ValidationFailed
from app.shared.formats import money, units
from app.shared.ids import new_id
from app.shared.money import MICRO_PER_CENT, Micro, RateMicroPerHour, seconds_until_empty
from app.shared.use_case import use_case


@use_case(Permission.PAYMENT_CREATE, AuditAction.PAYMENT_CREATE, lambda _, result: result and result.payment_id)
async def record_intent(ctx: Context, command: AddCredit) -> PaymentRecorded:
    """Write down what is to be paid, in the tenant's currency. Raises ValidationFailed outside the policy's bounds."""
    scope = tenant_scope(ctx.actor, Permission.PAYMENT_CREATE)
    tenant = await auth.tenant(ctx, scope.tenant_id)
    await _check_amount(ctx, command.amount, tenant.currency)
    await billing.open_accounts(ctx, scope.tenant_id, tenant.currency)
    payment_id = PaymentId(new_id())
    await repository.add_payment(
        ctx.session,
        scope,
        payment_id,
        ctx.actor.project_id,
        ctx.actor.id,
        command.amount,
        tenant.currency,
        await ctx.now(),
    )
    return PaymentRecorded(payment_id=payment_id)


async def _check_amount(ctx: Context, amount: Micro, currency: str) -> None:
    least = await ctx.policy(policies.CREDIT_MINIMUM, ctx.actor.tenant_id)
    most = await ctx.policy(policies.CREDIT_MAXIMUM, ctx.actor.tenant_id)
    if not least <= amount <= most:
        message = f"Choose an amount from {money(least, currency)} to {money(most, currency)}."
        raise ValidationFailed(message, fields={"amount": message})
    if amount % MICRO_PER_CENT:
        raise ValidationFailed(fields={"amount": "An amount has at most two decimals."})


async def add_credit(contexts: ContextFactory, command: AddCredit) -> PaymentView:
    """Start a payment; `checkout_url` of the answer is where to pay. The same idempotency key is one payment and one
    Checkout page, also when Stripe's answer was lost. Raises PaymentsUnavailable, PaymentRefused, ValidationFailed."""
    async with contexts() as ctx:
        recorded = await record_intent(ctx, command)
        payment = await _own(ctx, recorded.payment_id)
        order = _order(ctx, payment, await _buyer_mail(ctx))
        settings = ctx.settings.stripe
    if payment.stripe_session_id is None:
        async with open_gateway(settings) as stripe:
            session = await stripe.create_checkout(order)
        async with contexts() as ctx:
            now = await ctx.now()
            await repository.set_opened(ctx.session, payment.id, session.session_id, session.url, now)
            payment = await _own(ctx, recorded.payment_id)
    if payment.checkout_url is None and payment.status == "open":
        raise PaymentRefused()
    return repository.view(payment)


async def _buyer_mail(ctx: Context) -> str | None:
    """The address that the Checkout page shows filled in; a program has none."""
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        return None
    person = (await auth.people(ctx, [ctx.actor.id])).get(ctx.actor.id)
    return person.email if person and person.email else None


def _order(ctx: Context, payment: repository.Payment, mail: str | None) -> CheckoutOrder:
    origin = ctx.settings.web.public_url
    return CheckoutOrder(
        payment_id=str(payment.id),
        tenant_id=str(payment.tenant_id),
        amount_cents=rules.cents(payment.amount),
        currency=payment.currency,
        success_url=f"{origin}/billing/credit/return?intent={payment.id}",
        cancel_url=f"{origin}/billing/credit?canceled=1",
        created_at=payment.created_at,
        mail=mail,
    )


async def _own(ctx: Context, payment_id: UUID) -> repository.Payment:
    scope = tenant_scope(ctx.actor, Permission.PAYMENT_CREATE)
    found = await repository.find_own(ctx.session, scope, payment_id)
    if found is None:
        raise NotFound()
    return found


async def get_payment(ctx: Context, payment_id: UUID) -> PaymentView:
    """A payment of the tenant. Raises NotFound, also for another tenant's."""
    return repository.view(await _own(ctx, payment_id))


async def credit_page(ctx: Context, chosen: str = "50", canceled: bool = False) -> CreditPage:
    """The amounts on offer and how long each would last."""
    scope = tenant_scope(ctx.actor, Permission.PAYMENT_CREATE)
    balance = await billing.balance(ctx, scope.tenant_id)
    least = await ctx.policy(policies.CREDIT_MINIMUM, scope.tenant_id)
    most = await ctx.policy(policies.CREDIT_MAXIMUM, scope.tenant_id)
    amounts = [Micro(whole * 1_000_000) for whole in rules.PRESETS]
    return CreditPage(
        currency=balance.currency,
        available=balance.available,
        burn_per_hour=balance.burn_per_hour,
        funds=balance.funds,
        minimum=Micro(least),
        maximum=Micro(most),
        presets=tuple(_preset(a, balance.funds, balance.burn_per_hour) for a in amounts if least <= a <= most),
        chosen=chosen,
        canceled=canceled,
    )


def _preset(amount: Micro, funds: Micro, burn: RateMicroPerHour) -> Preset:
    return Preset(amount=amount, units=units(amount), runway_seconds=seconds_until_empty(funds + amount, burn))


async def return_page(ctx: Context, payment_id: UUID) -> ReturnPage:
    """What became of a payment, for the page one comes back to. Changes nothing: reload it as often as you like."""
    payment = await get_payment(ctx, payment_id)
    scope = tenant_scope(ctx.actor, Permission.PAYMENT_CREATE)
    balance = await billing.balance(ctx, scope.tenant_id)
    return ReturnPage(payment=payment, available=balance.available, is_waiting=payment.status in ("created", "open"))
