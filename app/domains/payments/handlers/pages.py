"""Add credit, and the page one comes back to."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import QueryParameter

from app.domains.payments.handlers.options import BILLING_READ, PAYMENT_CREATE, PAYMENT_CREATE_MONEY
from app.domains.payments.schemas import AddCreditForm, RefundsPage
from app.domains.payments.service import credit, overview
from app.shared.errors import NotFound
from app.web import Contexts, Ctx, Form, fragment, page, redirect

Amount = Annotated[str, QueryParameter(max_length=12)]
Canceled = Annotated[str | None, QueryParameter(max_length=1)]
Intent = Annotated[UUID | None, QueryParameter(name="intent")]


@get("/billing/credit", opt=PAYMENT_CREATE, name="payments:credit")
async def credit_page(ctx: Ctx, amount: Amount = "50", canceled: Canceled = None) -> Response[str]:
    """Choose an amount."""
    return await page(ctx, "payments/credit.html", await credit.credit_page(ctx, amount, canceled is not None))


@post("/billing/credit", opt=PAYMENT_CREATE_MONEY)
async def add_credit(contexts: Contexts, data: Form[AddCreditForm]) -> Response[str]:
    """To the Checkout page."""
    payment = await credit.add_credit(contexts, data.command())
    async with contexts() as ctx:
        return redirect(ctx, payment.checkout_url or f"/billing/credit/return?intent={payment.id}")


@get("/billing/credit/return", opt=PAYMENT_CREATE)
async def return_page(ctx: Ctx, intent: Intent = None) -> Response[str]:
    """Back from the Checkout page."""
    return await page(ctx, "payments/return.html", await credit.return_page(ctx, _known(intent)))


@get("/billing/credit/return/state", opt=PAYMENT_CREATE)
async def return_state(ctx: Ctx, intent: Intent = None) -> Response[str]:
    """The part of that page which changes."""
    return await fragment(ctx, "payments/return.html", "state", await credit.return_page(ctx, _known(intent)))


@get("/billing/refunds", opt=BILLING_READ)
async def refunds_page(ctx: Ctx) -> Response[str]:
    """What went back to cards."""
    return await page(ctx, "payments/refunds.html", RefundsPage(refunds=tuple(await overview.own_refunds(ctx))))


def _known(intent: UUID | None) -> UUID:
    if intent is None:
        raise NotFound()
    return intent


ROUTES = [credit_page, add_credit, return_page, return_state, refunds_page]
