"""Corrections of credit, Stripe's webhooks, and the ledger as a whole."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.contracts.money import (
    CheckLedger,
    DecideAdjustment,
    ReplayWebhook,
)
from app.domains.admin.handlers.options import PLATFORM_MONEY_MANAGE, PLATFORM_MONEY_READ
from app.domains.admin.schemas.money import (
    CorrectionForm,
    LedgerPage,
    ReasonForm,
    money_page,
    tabs,
    tenant_filter,
    webhook_page,
)
from app.domains.admin.service import alone, books, refunds
from app.domains.payments import public as payments
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Ctx, Form, page, redirect
from app.web.paging import Cursor
from app.web.query import Flag, ShortText

PAGE = 50
CORRECTIONS, WEBHOOKS, LEDGER = "/admin/money/corrections", "/admin/money/webhooks", "/admin/money/ledger"


@get(CORRECTIONS, opt=PLATFORM_MONEY_READ)
async def list_corrections(ctx: Ctx, tenant: ShortText = "", cursor: Cursor = None) -> Response[str]:
    """Corrections of credit, and the form for one."""
    found = await books.page_adjustments(ctx, None, cursor, PAGE)
    people = {row.tenant_id for row in found.items} | {row.requested_by for row in found.items}
    names = await refunds.names_of(ctx, people)
    may_manage = may(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    left = await alone.left_alone(ctx, tenant_filter(tenant)) if may_manage else None
    more = {"names": names, "may_manage": may_manage, "actor_id": ctx.actor.id, "tenant": tenant, "alone": left}
    struct = money_page(CORRECTIONS, found.items, cursor, found.next_cursor, **more)
    return await page(ctx, "admin/corrections.html", struct)


@post(CORRECTIONS, opt=PLATFORM_MONEY_MANAGE)
async def request_correction(ctx: Ctx, data: Form[CorrectionForm]) -> Response[str]:
    """Ask for a correction."""
    await books.request_adjustment(ctx, data.command())
    return redirect(ctx, CORRECTIONS)


@post("/admin/money/corrections/{adjustment_id:uuid}/approve", opt=PLATFORM_MONEY_MANAGE)
async def approve_correction(ctx: Ctx, adjustment_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Post it."""
    command = DecideAdjustment(adjustment_id=adjustment_id, reason=data.reason)
    await books.approve_adjustment(ctx, command)
    return redirect(ctx, CORRECTIONS)


@post("/admin/money/corrections/{adjustment_id:uuid}/reject", opt=PLATFORM_MONEY_MANAGE)
async def reject_correction(ctx: Ctx, adjustment_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Leave the credit as it is."""
    command = DecideAdjustment(adjustment_id=adjustment_id, reason=data.reason)
    await books.reject_adjustment(ctx, command)
    return redirect(ctx, CORRECTIONS)


@get(WEBHOOKS, opt=PLATFORM_MONEY_READ)
async def list_webhooks(ctx: Ctx, trouble: Flag = "", cursor: Cursor = None) -> Response[str]:
    """Stripe's webhooks as they were taken in."""
    found = await payments.page_messages(ctx, None, bool(trouble), cursor, PAGE)
    chip = ("waiting or in trouble", WEBHOOKS if trouble else f"{WEBHOOKS}?trouble=1", bool(trouble))
    more = {"asked": {"trouble": trouble}, "chips": (chip,)}
    return await page(ctx, "admin/webhooks.html", money_page(WEBHOOKS, found.items, cursor, found.next_cursor, **more))


@get("/admin/money/webhooks/{message_id:uuid}", opt=PLATFORM_MONEY_READ)
async def show_webhook(ctx: Ctx, message_id: FromPath[UUID]) -> Response[str]:
    """One webhook."""
    may_manage = may(ctx.actor, Permission.PLATFORM_MONEY_MANAGE)
    struct = webhook_page(await payments.get_message(ctx, message_id), may_manage=may_manage)
    return await page(ctx, "admin/webhook.html", struct)


@post("/admin/money/webhooks/{message_id:uuid}/replay", opt=PLATFORM_MONEY_MANAGE)
async def replay_webhook(ctx: Ctx, message_id: FromPath[UUID]) -> Response[str]:
    """Work it off once more."""
    await books.replay_webhook(ctx, ReplayWebhook(message_id=message_id))
    return redirect(ctx, f"/admin/money/webhooks/{message_id}")


@get(LEDGER, opt=PLATFORM_MONEY_READ)
async def show_ledger(ctx: Ctx) -> Response[str]:
    """The books as a whole."""
    return await page(ctx, "admin/ledger.html", LedgerPage(tabs=tabs(LEDGER), report=await books.ledger_report(ctx)))


@post("/admin/money/ledger/verify", opt=PLATFORM_MONEY_READ)
async def verify_ledger(ctx: Ctx) -> Response[str]:
    """Recompute everything in the background."""
    await books.start_check(ctx, CheckLedger())
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
