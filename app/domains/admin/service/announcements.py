"""Announcements: publish one, withdraw one, list those that pages show."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.admin.contracts import AnnouncementView, Audience, Level
from app.domains.admin.repository.announcements import AnnouncementRepository
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.errors.faults import Faults
from app.shared.ids import new_id
from app.shared.text import checked_text
from app.shared.use_case import use_case

MANAGE = Permission.PLATFORM_SYSTEM_MANAGE
MAX_TEXT_LENGTH = 500
DAY = timedelta(days=1)
MAX_AHEAD = timedelta(days=366)
TAG = "announcements"  # what read models of them depend on


class Announce(msgspec.Struct, frozen=True, kw_only=True):
    """Publish a message on every page. Without instants it is shown from now on, for a day."""

    text: str
    level: Level
    audience: Audience
    from_at: datetime | None = None
    to_at: datetime | None = None


class Withdraw(msgspec.Struct, frozen=True, kw_only=True):
    announcement_id: UUID


async def list_shown(ctx: Context) -> tuple[AnnouncementView, ...]:
    """What pages show now, newest first; for operators, customers or everybody."""
    return tuple(await AnnouncementRepository(ctx.session).list_shown(await ctx.now()))


@use_case(MANAGE, AuditAction.ANNOUNCEMENT_CREATE, lambda _, result: result and result.id)
async def announce(ctx: Context, command: Announce) -> AnnouncementView:
    """Publish a message on every page. Raises ValidationFailed."""
    now = await ctx.now()
    from_at, to_at = now if command.from_at is None else command.from_at, command.to_at
    with Faults() as faults:
        with faults.gathered():
            checked_text(
                command.text, "text", max_length=MAX_TEXT_LENGTH, wanted=f"Write 3 to {MAX_TEXT_LENGTH} characters."
            )
        for name, at in (("from_at", from_at), ("to_at", now if to_at is None else to_at)):
            near = at.tzinfo is not None and abs(at - now) <= MAX_AHEAD
            faults.unless(near, name, "Write a time with its zone, at most a year from now.")
    to_at = from_at + DAY if to_at is None else to_at
    if to_at <= max(from_at, now):
        raise ValidationFailed(fields={"to_at": "The end must be after the start, and not in the past."})
    view = AnnouncementView(
        id=new_id(),
        text=command.text,
        level=command.level,
        audience=command.audience,
        from_at=from_at,
        to_at=to_at,
        created_by=ctx.actor.id,
        created_at=now,
        withdrawn_at=None,
    )
    await AnnouncementRepository(ctx.session).append(view)
    ctx.explain(level=command.level, audience=command.audience)
    ctx.invalidate(TAG)
    return view


@use_case(MANAGE, AuditAction.ANNOUNCEMENT_WITHDRAW, lambda command, _result: command.announcement_id)
async def withdraw(ctx: Context, command: Withdraw) -> AnnouncementView:
    """Withdraw an announcement before its end. Raises NotFound."""
    scope = platform_scope(ctx.actor, MANAGE)
    announcements = AnnouncementRepository(ctx.session)
    if await announcements.find(scope, command.announcement_id) is None:
        raise NotFound()
    await announcements.withdraw(command.announcement_id, await ctx.now())
    ctx.invalidate(TAG)
    view = await announcements.find(scope, command.announcement_id)
    if view is None:
        raise NotFound()
    return view
