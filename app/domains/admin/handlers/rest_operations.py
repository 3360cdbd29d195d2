"""API of events, dead letters, the system and announcements."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from app.domains.admin.contracts import AnnouncementView
from app.domains.admin.handlers.options import (
    PLATFORM_EVENT_MANAGE,
    PLATFORM_EVENT_READ,
    PLATFORM_SYSTEM_MANAGE,
    PLATFORM_SYSTEM_READ,
)
from app.domains.admin.schemas.operations import AnnounceBody, ReasonForm, RedriveBody
from app.domains.admin.service import announcements, events, system
from app.domains.admin.service.announcements import Withdraw
from app.domains.admin.service.events import (
    DeadLetter,
    DeadLetterList,
    Discarded,
    DiscardLetter,
    EventsView,
    RedriveLetters,
    Redriven,
)
from app.domains.admin.service.system import SystemView
from app.web import Ctx, Json
from app.web.paging import CursorText, Limit

Source = Annotated[str | None, QueryParameter(max_length=100, description="`relay`, or the name of a consumer")]
Everything = Annotated[bool, QueryParameter(name="all", description="also those sent again or discarded")]


@get("/admin/events", opt=PLATFORM_EVENT_READ)
async def show_events(ctx: Ctx) -> EventsView:
    """Get the state of the outbox, of its consumers and of batches."""
    return await events.show_events(ctx)


@get("/admin/dead-letters", opt=PLATFORM_EVENT_READ)
async def list_letters(
    ctx: Ctx, source: Source = None, everything: Everything = False, cursor: CursorText = None, limit: Limit = 50
) -> DeadLetterList:
    """List dead letters, newest first."""
    return await events.page_letters(ctx, source, everything, cursor, limit)


@get("/admin/dead-letters/{letter_id:uuid}", opt=PLATFORM_EVENT_READ)
async def show_letter(ctx: Ctx, letter_id: FromPath[UUID]) -> DeadLetter:
    """Get a dead letter; its body is sanitized."""
    return await events.show_letter(ctx, letter_id)


@post("/admin/dead-letters/redrive", opt=PLATFORM_EVENT_MANAGE, status_code=202)
async def redrive_many(ctx: Ctx, data: Json[RedriveBody]) -> Redriven:
    """Send dead letters again: up to 200 by id, or all that wait, as a batch. `count` is their number."""
    return await events.redrive_letters(ctx, data.command())


@post("/admin/dead-letters/{letter_id:uuid}/redrive", opt=PLATFORM_EVENT_MANAGE, status_code=202)
async def redrive_one(ctx: Ctx, letter_id: FromPath[UUID]) -> Redriven:
    """Send a dead letter again."""
    return await events.redrive_letters(ctx, RedriveLetters(ids=(letter_id,)))


@post("/admin/dead-letters/{letter_id:uuid}/discard", opt=PLATFORM_EVENT_MANAGE, status_code=200)
async def discard(ctx: Ctx, letter_id: FromPath[UUID], data: Json[ReasonForm]) -> Discarded:
    """Discard a dead letter."""
    return await events.discard_letter(ctx, DiscardLetter(id=letter_id, reason=data.reason))


@get("/admin/system", opt=PLATFORM_SYSTEM_READ)
async def show_system(ctx: Ctx) -> SystemView:
    """Get the health of dependencies, live processes, versions and announcements."""
    return await system.show_system(ctx)


@post("/admin/announcements", opt=PLATFORM_SYSTEM_MANAGE, status_code=201)
async def announce(ctx: Ctx, data: Json[AnnounceBody]) -> AnnouncementView:
    """Publish an announcement."""
    return await announcements.announce(ctx, data.command())


@post("/admin/announcements/{announcement_id:uuid}/withdraw", opt=PLATFORM_SYSTEM_MANAGE, status_code=200)
async def withdraw(ctx: Ctx, announcement_id: FromPath[UUID]) -> AnnouncementView:
    """Withdraw an announcement."""
    return await announcements.withdraw(ctx, Withdraw(announcement_id=announcement_id))


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
