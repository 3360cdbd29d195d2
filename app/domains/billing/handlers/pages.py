"""The billing page, an explained charge, and the header's pill."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from app.domains.billing.service import statements
from app.shared.authz import Permission
from app.shared.web import Ctx, fragment, page, requires

Cursor = Annotated[str | None, QueryParameter(max_length=60)]


@get("/billing", opt=requires(Permission.BILLING_READ), include_in_schema=False, name="billing:index")
async def billing_page(ctx: Ctx, cursor: Cursor = None) -> Response[str]:
    """Money, what burns it, and the ledger."""
    return await page(ctx, "billing/index.html", await statements.billing_page(ctx, cursor))


@get("/billing/now", opt=requires(Permission.BILLING_READ), include_in_schema=False)
async def billing_now(ctx: Ctx) -> Response[str]:
    """The part of the billing page that moves."""
    return await fragment(ctx, "billing/index.html", "now", await statements.billing_page(ctx))


@get("/billing/pill", opt=requires(Permission.BILLING_READ), include_in_schema=False)
async def money_pill(ctx: Ctx) -> Response[str]:
    """The header's pill, refetched when money moved."""
    return await fragment(ctx, "billing/pill.html", "pill", await statements.pill_page(ctx))


@get(
    "/billing/ledger/{transaction_id:uuid}",
    opt=requires(Permission.BILLING_READ),
    include_in_schema=False,
    name="billing:explain",
)
async def explain(ctx: Ctx, transaction_id: FromPath[UUID]) -> Response[str]:
    """Why a charge exists."""
    return await page(ctx, "billing/explain.html", await statements.explain(ctx, transaction_id))


ROUTES = [billing_page, billing_now, money_pill, explain]
