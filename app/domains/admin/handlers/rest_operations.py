"""The machinery for operators' programs: events, dead letters, system, announcements."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.contracts.operations import (
    AnnouncementView,
    DeadLetter,
    Discarded,
    DiscardLetter,
    EventsView,
    LettersPage,
    RedriveLetters,
    Redriven,
    SystemView,
    Withdraw,
)
from app.domains.admin.handlers.options import (
    PLATFORM_EVENT_MANAGE,
    PLATFORM_EVENT_READ,
    PLATFORM_SYSTEM_MANAGE,
    PLATFORM_SYSTEM_READ,
)
from app.domains.admin.schemas.operations import AnnounceBody, ReasonForm, RedriveBody
from app.domains.admin.service import events, system
from app.web import Ctx, Json
from app.web.paging import CursorText, Limit

Source = Annotated[str | None, QueryParameter(max_length=100, description="`relay`, or the name of a consumer")]
Everything = Annotated[bool, QueryParameter(name="all", description="also those sent again or given up")]


@get("/admin/events", opt=PLATFORM_EVENT_READ)
async def show_events(ctx: Ctx) -> EventsView:
    """What waits to leave, who relays, how far behind the consumers are."""
    return await events.show_events(ctx)


@get("/admin/dead-letters", opt=PLATFORM_EVENT_READ)
async def list_letters(
    ctx: Ctx, source: Source = None, everything: Everything = False, cursor: CursorText = None, limit: Limit = 50
) -> LettersPage:
    """Messages that were given up, newest first."""
    return await events.page_letters(ctx, source, everything, cursor, limit)


@get("/admin/dead-letters/{letter_id:uuid}", opt=PLATFORM_EVENT_READ)
async def show_letter(ctx: Ctx, letter_id: FromPath[UUID]) -> DeadLetter:
    """One message that was given up; its body is sanitized."""
    return await events.show_letter(ctx, letter_id)


@post("/admin/dead-letters/redrive", opt=PLATFORM_EVENT_MANAGE, status_code=202)
async def redrive_many(ctx: Ctx, data: Json[RedriveBody]) -> Redriven:
    """Send several again, at most 200 at once; without ids all that wait, in steps: `count` is how many those are."""
    return await events.redrive_letters(ctx, data.command())


@post("/admin/dead-letters/{letter_id:uuid}/redrive", opt=PLATFORM_EVENT_MANAGE, status_code=202)
async def redrive_one(ctx: Ctx, letter_id: FromPath[UUID]) -> Redriven:
    """Send one again."""
    return await events.redrive_letters(ctx, RedriveLetters(ids=(letter_id,)))


@post("/admin/dead-letters/{letter_id:uuid}/discard", opt=PLATFORM_EVENT_MANAGE, status_code=200)
async def discard(ctx: Ctx, letter_id: FromPath[UUID], data: Json[ReasonForm]) -> Discarded:
    """Give one up for good."""
    return await events.discard_letter(ctx, DiscardLetter(id=letter_id, reason=data.reason))


@get("/admin/system", opt=PLATFORM_SYSTEM_READ)
async def show_system(ctx: Ctx) -> SystemView:
    """Dependencies as a worker met them, processes alive, versions, announcements."""
    return await system.show_system(ctx)


@post("/admin/announcements", opt=PLATFORM_SYSTEM_MANAGE, status_code=201)
async def announce(ctx: Ctx, data: Json[AnnounceBody]) -> AnnouncementView:
    """Put a message on every page."""
    return await system.announce(ctx, data.command())


@post("/admin/announcements/{announcement_id:uuid}/withdraw", opt=PLATFORM_SYSTEM_MANAGE, status_code=200)
async def withdraw(ctx: Ctx, announcement_id: FromPath[UUID]) -> AnnouncementView:
    """Take a message away."""
    return await system.withdraw(ctx, Withdraw(announcement_id=announcement_id))


ROUTES = [
    show_events,
    list_letters,
    show_letter,
    redrive_many,
    redrive_one,
    discard,
    show_system,
    announce,
    withdraw,
]
