"""The JSON API of payments, and the webhook that Stripe calls."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, HeaderParameter

from app.domains.payments.handlers.options import BILLING_READ, PAYMENT_CREATE, PAYMENT_CREATE_MONEY
from app.domains.payments.schemas.api import AddCreditBody, PaymentAnswer, RefundAnswer
from app.domains.payments.service import credit, webhooks
from app.shared.context import Runtime
from app.web import Contexts, Ctx, Json, public
from app.web.types import AnyRequest

Signature = Annotated[str | None, HeaderParameter(name="stripe-signature")]


@post("/payments/credit", opt=PAYMENT_CREATE_MONEY, status_code=201)
async def add_credit(contexts: Contexts, data: Json[AddCreditBody]) -> PaymentAnswer:
    """Start a payment for credit. Open `checkout_url` in a browser to pay; the credit follows in seconds."""
    return PaymentAnswer.of(await credit.add_credit(contexts, data.command()))


@get("/payments/{payment_id:uuid}", opt=PAYMENT_CREATE)
async def get_payment(ctx: Ctx, payment_id: FromPath[UUID]) -> PaymentAnswer:
    """One payment of the organisation."""
    return PaymentAnswer.of(await credit.get_payment(ctx, payment_id))


@get("/refunds", opt=BILLING_READ)
async def list_refunds(ctx: Ctx) -> list[RefundAnswer]:
    """The organisation's last fifty refunds, newest first."""
    return [RefundAnswer.of(refund) for refund in await credit.list_own_refunds(ctx)]


@post(
    "/webhooks/stripe",
    opt=public("Stripe's webhooks are authenticated by their signature", same_origin=False),
    status_code=200,
    include_in_schema=False,
)
async def stripe_webhook(request: AnyRequest, contexts: Contexts, signature: Signature = None) -> dict[str, bool]:
    """Receive a signed message; a job processes it."""
    runtime: Runtime = request.app.state.runtime
    await webhooks.receive(contexts, runtime.settings.stripe.webhook_secrets, await request.body(), signature)
    return {"received": True}


ROUTES = [add_credit, get_payment, list_refunds]
WEBHOOKS = [stripe_webhook]
