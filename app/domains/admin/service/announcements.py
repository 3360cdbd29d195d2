"""Announcements: publish one, withdraw one, and a cache for the pages that show them."""

import time
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.admin.contracts import AnnouncementView, Audience, Level
from app.domains.admin.repository.announcements import AnnouncementRepository
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context, Runtime
from app.shared.errors import NotFound, ValidationFailed
from app.shared.errors.faults import Faults
from app.shared.ids import new_id
from app.shared.text import checked_text
from app.shared.use_case import use_case

MANAGE = Permission.PLATFORM_SYSTEM_MANAGE
MAX_TEXT_LENGTH = 500
DAY = timedelta(days=1)
MAX_AHEAD = timedelta(days=366)
MAX_AGE_SECONDS = 5.0


class AnnouncementCache:
    """One per process: reads the announcements at most every five seconds, however many pages are rendered."""

    def __init__(self, runtime: Runtime) -> None:
        self._shown: list[AnnouncementView] = []
        self._read_at = 0.0

    async def shown(self, ctx: Context, *, operator: bool) -> list[AnnouncementView]:
        """What pages show now, to operators or to customers."""
        if not self._read_at or time.monotonic() - self._read_at >= MAX_AGE_SECONDS:
            self._shown = await AnnouncementRepository(ctx.session).list_shown(await ctx.now())
            self._read_at = time.monotonic()
        wanted = ("everybody", "operators" if operator else "customers")
        return [announcement for announcement in self._shown if announcement.audience in wanted]

    def forget(self) -> None:
        """The next page reads them again."""
        self._read_at = 0.0

    async def aclose(self) -> None:
        """Holds no resource."""


class Announce(msgspec.Struct, frozen=True, kw_only=True):
    """Publish a message on every page. Without instants it is shown from now on, for a day."""

    text: str
    level: Level
    audience: Audience
    from_at: datetime | None = None
    to_at: datetime | None = None


class Withdraw(msgspec.Struct, frozen=True, kw_only=True):
    announcement_id: UUID


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
    ctx.runtime.part(AnnouncementCache).forget()
    return view


@use_case(MANAGE, AuditAction.ANNOUNCEMENT_WITHDRAW, lambda command, _result: command.announcement_id)
async def withdraw(ctx: Context, command: Withdraw) -> AnnouncementView:
    """Withdraw an announcement before its end. Raises NotFound."""
    scope = platform_scope(ctx.actor, MANAGE)
    announcements = AnnouncementRepository(ctx.session)
    if await announcements.find(scope, command.announcement_id) is None:
        raise NotFound()
    await announcements.withdraw(command.announcement_id, await ctx.now())
    ctx.runtime.part(AnnouncementCache).forget()
    view = await announcements.find(scope, command.announcement_id)
    if view is None:
        raise NotFound()
    return view
