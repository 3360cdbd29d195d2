"""Add credit, the page after the payment, and refunds."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import QueryParameter

from app.domains.payments.handlers.options import BILLING_READ, PAYMENT_CREATE, PAYMENT_CREATE_MONEY
from app.domains.payments.schemas.api import AddCreditForm
from app.domains.payments.schemas.pages import CreditPage, RefundsPage, ReturnPage
from app.domains.payments.service import credit
from app.shared.errors import NotFound
from app.web import Contexts, Ctx, Form, fragment, page, redirect

Amount = Annotated[str, QueryParameter(max_length=12)]
Canceled = Annotated[str | None, QueryParameter(max_length=1)]
Intent = Annotated[UUID | None, QueryParameter(name="intent")]


@get("/billing/credit", opt=PAYMENT_CREATE, name="payments:credit")
async def credit_page(ctx: Ctx, amount: Amount = "50", canceled: Canceled = None) -> Response[str]:
    """Choose an amount."""
    shown = CreditPage.of(await credit.get_offer(ctx), selected=amount, canceled=canceled is not None)
    return await page(ctx, "payments/credit.html", shown)


@post("/billing/credit", opt=PAYMENT_CREATE_MONEY)
async def add_credit(contexts: Contexts, data: Form[AddCreditForm]) -> Response[str]:
    """Start a payment and redirect to the Checkout page."""
    payment = await credit.add_credit(contexts, data.command())
    async with contexts() as ctx:
        return redirect(ctx, payment.checkout_url or f"/billing/credit/return?intent={payment.id}")


@get("/billing/credit/return", opt=PAYMENT_CREATE)
async def return_page(ctx: Ctx, intent: Intent = None) -> Response[str]:
    """The page after the Checkout page."""
    return await page(ctx, "payments/return.html", await _return_page(ctx, intent))


@get("/billing/credit/return/state", opt=PAYMENT_CREATE)
async def return_state(ctx: Ctx, intent: Intent = None) -> Response[str]:
    """The part of that page that changes."""
    return await fragment(ctx, "payments/return.html", "state", await _return_page(ctx, intent))


@get("/billing/refunds", opt=BILLING_READ)
async def refunds_page(ctx: Ctx) -> Response[str]:
    """Refunds to cards."""
    return await page(ctx, "payments/refunds.html", RefundsPage.of(await credit.list_own_refunds(ctx)))


async def _return_page(ctx: Ctx, intent: UUID | None) -> ReturnPage:
    if intent is None:
        raise NotFound()
    return ReturnPage.of(await credit.get_payment(ctx, intent), await credit.get_offer(ctx))


ROUTES = [credit_page, add_credit, return_page, return_state, refunds_page]
