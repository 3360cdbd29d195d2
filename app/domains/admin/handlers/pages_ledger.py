"""Pages of corrections of credit, of Stripe's webhooks, and of the ledger."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.handlers.options import PLATFORM_MONEY_MANAGE, PLATFORM_MONEY_READ
from app.domains.admin.schemas.money import CorrectionForm, ReasonForm, tenant_filter
from app.domains.admin.schemas.money_pages import (
    CORRECTIONS,
    LEDGER,
    WEBHOOKS,
    CorrectionsPage,
    LedgerPage,
    WebhookPage,
    WebhooksPage,
)
from app.domains.admin.service import adjustments, alone, ledger, refunds
from app.domains.admin.service.adjustments import DecideAdjustment
from app.domains.admin.service.ledger import CheckLedger, ReplayWebhook
from app.domains.payments import public as payments
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor
from app.web.query import Flag, ShortText

PAGE = 50


@get(CORRECTIONS, opt=PLATFORM_MONEY_READ)
async def list_corrections(ctx: Ctx, tenant: ShortText = "", cursor: Cursor = None) -> Response[str]:
    """Corrections of credit, and the form for a new one."""
    rows = await adjustments.page_adjustments(ctx, None, cursor, PAGE)
    names = await refunds.names_of(ctx, [one for row in rows.items for one in (row.tenant_id, row.requested_by)])
    may_manage = may(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    left = await alone.left_alone(ctx, tenant_filter(tenant)) if may_manage else None
    struct = CorrectionsPage.of(rows, names, left, ctx.actor, tenant=tenant, cursor=cursor)
    return await page(ctx, "admin/corrections.html", struct)


@post(CORRECTIONS, opt=PLATFORM_MONEY_MANAGE)
async def request_correction(ctx: Ctx, data: Form[CorrectionForm]) -> Response[str]:
    """Request a correction."""
    await adjustments.request_adjustment(ctx, data.command())
    return redirect(ctx, CORRECTIONS)


@post("/admin/money/corrections/{adjustment_id:uuid}/approve", opt=PLATFORM_MONEY_MANAGE)
async def approve_correction(ctx: Ctx, adjustment_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Approve a correction."""
    await adjustments.approve_adjustment(ctx, DecideAdjustment(adjustment_id=adjustment_id, reason=data.reason))
    return redirect(ctx, CORRECTIONS)


@post("/admin/money/corrections/{adjustment_id:uuid}/reject", opt=PLATFORM_MONEY_MANAGE)
async def reject_correction(ctx: Ctx, adjustment_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Reject a correction."""
    await adjustments.reject_adjustment(ctx, DecideAdjustment(adjustment_id=adjustment_id, reason=data.reason))
    return redirect(ctx, CORRECTIONS)


@get(WEBHOOKS, opt=PLATFORM_MONEY_READ)
async def list_webhooks(ctx: Ctx, trouble: Flag = "", cursor: Cursor = None) -> Response[str]:
    """Webhooks received from Stripe."""
    messages = await payments.page_messages(ctx, None, bool(trouble), cursor, PAGE)
    return await page(ctx, "admin/webhooks.html", WebhooksPage.of(messages, trouble=trouble, cursor=cursor))


@get("/admin/money/webhooks/{message_id:uuid}", opt=PLATFORM_MONEY_READ)
async def show_webhook(ctx: Ctx, message_id: FromPath[UUID]) -> Response[str]:
    """A webhook."""
    message = await payments.get_message(ctx, message_id)
    return await page(ctx, "admin/webhook.html", WebhookPage.of(message, ctx.actor))


@post("/admin/money/webhooks/{message_id:uuid}/replay", opt=PLATFORM_MONEY_MANAGE)
async def replay_webhook(ctx: Ctx, message_id: FromPath[UUID]) -> Response[str]:
    """Process a webhook again."""
    await ledger.replay_webhook(ctx, ReplayWebhook(message_id=message_id))
    return redirect(ctx, f"/admin/money/webhooks/{message_id}")


@get(LEDGER, opt=PLATFORM_MONEY_READ)
async def show_ledger(ctx: Ctx) -> Response[str]:
    """The balances of all accounts and the last verification."""
    return await page(ctx, "admin/ledger.html", LedgerPage.of(await ledger.ledger_report(ctx)))


@post("/admin/money/ledger/verify", opt=PLATFORM_MONEY_READ)
async def verify_ledger(ctx: Ctx) -> Response[str]:
    """Verify the ledger in the background."""
    await ledger.start_check(ctx, CheckLedger())
    return redirect(ctx, LEDGER)


ROUTES = [
    list_corrections,
    request_correction,
    approve_correction,
    reject_correction,
    list_webhooks,
    show_webhook,
    replay_webhook,
    show_ledger,
    verify_ledger,
]
