"""The outbox, the consumers and the dead letters."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.contracts.operations import DiscardLetter, RedriveLetters
from app.domains.admin.handlers.options import PLATFORM_EVENT_MANAGE, PLATFORM_EVENT_READ
from app.domains.admin.schemas.operations import (
    ReasonForm,
    RedriveForm,
    events_page,
    letter_page,
)
from app.domains.admin.service import events
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Ctx, Form, page, redirect
from app.web.paging import CursorText
from app.web.query import AllFlag

PAGE = 25


@get("/admin/events", opt=PLATFORM_EVENT_READ)
async def show_events(ctx: Ctx, everything: AllFlag = "", cursor: CursorText = None) -> Response[str]:
    """What waits, who relays, what died."""
    seen = await events.show_events(ctx)
    letters = await events.page_letters(ctx, None, bool(everything), cursor, PAGE)
    may_manage = may(ctx.actor, Permission.PLATFORM_EVENT_MANAGE)
    return await page(ctx, "admin/events.html", events_page(seen, letters, everything, cursor, may_manage=may_manage))


@get("/admin/events/dead-letters/{letter_id:uuid}", opt=PLATFORM_EVENT_READ)
async def show_letter(ctx: Ctx, letter_id: FromPath[UUID]) -> Response[str]:
    """One dead letter."""
    may_manage = may(ctx.actor, Permission.PLATFORM_EVENT_MANAGE)
    struct = letter_page(await events.show_letter(ctx, letter_id), may_manage=may_manage)
    return await page(ctx, "admin/dead_letter.html", struct)


@post("/admin/events/dead-letters/redrive", opt=PLATFORM_EVENT_MANAGE)
async def redrive_all(ctx: Ctx, data: Form[RedriveForm]) -> Response[str]:
    """Send all that wait again."""
    await events.redrive_letters(ctx, data.command())
    return redirect(ctx, "/admin/events")


@post("/admin/events/dead-letters/{letter_id:uuid}/redrive", opt=PLATFORM_EVENT_MANAGE)
async def redrive_one(ctx: Ctx, letter_id: FromPath[UUID]) -> Response[str]:
    """Send one again."""
    await events.redrive_letters(ctx, RedriveLetters(ids=(letter_id,)))
    return redirect(ctx, f"/admin/events/dead-letters/{letter_id}")


@post("/admin/events/dead-letters/{letter_id:uuid}/discard", opt=PLATFORM_EVENT_MANAGE)
async def discard(ctx: Ctx, letter_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Give one up for good."""
    await events.discard_letter(ctx, DiscardLetter(id=letter_id, reason=data.reason))
    return redirect(ctx, f"/admin/events/dead-letters/{letter_id}")


ROUTES = [show_events, show_letter, redrive_all, redrive_one, discard]
