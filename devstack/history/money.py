"""Credit in the past: bought by card at the simulated Stripe, and given once as a welcome.

A payment is dated in the past here, and in the present at Stripe, where nothing can be sold in the past; what it paid
for, its session and its charge are the same on both sides, so that it can be looked up, compared and refunded.
"""

from datetime import datetime, timedelta
from uuid import UUID

import httpx2

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostCredit
from app.domains.payments.gateway import CheckoutOrder, gateway_of
from app.domains.payments.repository.payments import Payment, PaymentRepository
from app.domains.payments.rules.sessions import CheckoutSession
from app.domains.payments.service import credit, settle
from app.domains.payments.service.credit import AddCredit
from app.shared.authz import Actor
from app.shared.context import Context, Runtime
from app.shared.errors import NotFound
from app.shared.money import Micro
from devstack.history import script
from devstack.history.past import Past

DOLLAR = 1_000_000
WELCOME = "promotion:welcome-demo"  # one ledger holds it once, so it tells whether the history was written
PAID_AFTER = timedelta(seconds=48)
CARD = {"card_number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123", "name": "Dana Reyes"}


class Till:
    """The simulated Stripe as a buyer meets it: an order, a page with a card form, an answer."""

    def __init__(self, runtime: Runtime, sold_at: datetime) -> None:
        self._runtime = runtime
        self._sold_at = sold_at

    async def pay(self, payment: Payment, mail: str) -> CheckoutSession:
        """Order, pay and ask. Repeating it finds the same session, and pays nothing twice."""
        origin = self._runtime.settings.web.public_url
        order = CheckoutOrder(
            payment_id=str(payment.id),
            tenant_id=str(payment.tenant_id),
            amount_cents=payment.amount // 10_000,
            currency=payment.currency,
            success_url=f"{origin}/billing/credit/return?intent={payment.id}",
            cancel_url=f"{origin}/billing/credit?canceled=1",
            created_at=self._sold_at,
            mail=mail,
        )
        stripe = gateway_of(self._runtime)
        session = await stripe.create_checkout(order)
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as browser:
            await browser.post(session.url or "", data={**CARD, "email": mail})
        return await stripe.get_checkout(session.session_id)


async def buy(past: Past, till: Till, buyer: Actor, mail: str, payment: script.Payment, at: datetime) -> None:
    """One payment: the intent, the money, the credit."""
    key = f"payment {payment.day}"
    recorded = await past.step(
        f"{key} intent", at, buyer, credit.record_intent,
        AddCredit(amount=Micro(payment.dollars * DOLLAR)), key,
    )  # fmt: skip
    async with past.context(at) as ctx:
        row = await PaymentRepository(ctx.session).find(recorded.payment_id)
    if row is None:
        raise NotFound()
    if row.status == "paid":
        return
    session = await till.pay(row, mail)

    async def paid(ctx: Context) -> None:
        await PaymentRepository(ctx.session).set_opened(row.id, session.session_id, None, await ctx.now())
        outcome = await settle.settle(ctx, row.id, session)
        if outcome != "paid":
            raise RuntimeError(f"the simulated Stripe did not take the card: {outcome}")

    await past.work(f"{key} paid", at + PAID_AFTER, paid, key)


async def welcome(past: Past, tenant_id: UUID, at: datetime) -> None:
    """Promotional credit for a new customer, once per reference."""
    command = PostCredit(
        tenant_id=tenant_id, amount=Micro(script.WELCOME * DOLLAR), currency="USD", reference=WELCOME,
        source="promotion", cause_id=tenant_id,
    )  # fmt: skip
    async with past.context(at, story="welcome") as ctx:
        await billing.post_credit(ctx, command)
