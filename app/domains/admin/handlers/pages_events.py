"""Pages of the outbox, its consumers and the dead letters."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.admin.handlers.options import PLATFORM_EVENT_MANAGE, PLATFORM_EVENT_READ
from app.domains.admin.schemas.operations import (
    DeadLetterPage,
    EventsPage,
    ReasonForm,
    RedriveForm,
)
from app.domains.admin.service import events
from app.domains.admin.service.events import DiscardLetter, RedriveLetters
from app.web import Ctx, Form, page, redirect
from app.web.paging import CursorText
from app.web.query import AllFlag

PAGE = 25


@get("/admin/events", opt=PLATFORM_EVENT_READ)
async def show_events(ctx: Ctx, everything: AllFlag = "", cursor: CursorText = None) -> Response[str]:
    """The state of the outbox, and the dead letters."""
    view = await events.show_events(ctx)
    letters = await events.page_letters(ctx, None, bool(everything), cursor, PAGE)
    struct = EventsPage.of(view, letters, ctx.actor, everything=everything, cursor=cursor)
    return await page(ctx, "admin/events.html", struct)


@get("/admin/events/dead-letters/{letter_id:uuid}", opt=PLATFORM_EVENT_READ)
async def show_letter(ctx: Ctx, letter_id: FromPath[UUID]) -> Response[str]:
    """A dead letter."""
    struct = DeadLetterPage.of(await events.show_letter(ctx, letter_id), ctx.actor)
    return await page(ctx, "admin/dead_letter.html", struct)


@post("/admin/events/dead-letters/redrive", opt=PLATFORM_EVENT_MANAGE)
async def redrive_all(ctx: Ctx, data: Form[RedriveForm]) -> Response[str]:
    """Send all waiting dead letters again."""
    await events.redrive_letters(ctx, data.command())
    return redirect(ctx, "/admin/events")


@post("/admin/events/dead-letters/{letter_id:uuid}/redrive", opt=PLATFORM_EVENT_MANAGE)
async def redrive_one(ctx: Ctx, letter_id: FromPath[UUID]) -> Response[str]:
    """Send a dead letter again."""
    await events.redrive_letters(ctx, RedriveLetters(ids=(letter_id,)))
    return redirect(ctx, f"/admin/events/dead-letters/{letter_id}")


@post("/admin/events/dead-letters/{letter_id:uuid}/discard", opt=PLATFORM_EVENT_MANAGE)
async def discard(ctx: Ctx, letter_id: FromPath[UUID], data: Form[ReasonForm]) -> Response[str]:
    """Discard a dead letter."""
    await events.discard_letter(ctx, DiscardLetter(id=letter_id, reason=data.reason))
    return redirect(ctx, f"/admin/events/dead-letters/{letter_id}")


ROUTES = [show_events, show_letter, redrive_all, redrive_one, discard]
