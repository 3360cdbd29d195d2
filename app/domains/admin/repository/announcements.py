"""SQL about announcements, and which migrations were applied."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.admin.contracts.operations import AnnouncementView
from app.shared.authz import PlatformScope

COLUMNS = """
    SELECT id, text, level, audience, from_at, to_at, created_by, created_at, withdrawn_at FROM admin.announcements
"""
ADD = text("""
    INSERT INTO admin.announcements (id, text, level, audience, from_at, to_at, created_by, created_at)
    VALUES (:id, :text, :level, :audience, :from_at, :to_at, :created_by, :created_at)
""")
SHOWN = text(COLUMNS + " WHERE withdrawn_at IS NULL AND from_at <= :now AND to_at > :now ORDER BY from_at DESC LIMIT 5")
LAST = text(COLUMNS + " ORDER BY created_at DESC LIMIT 20")
FIND = text(COLUMNS + " WHERE id = :id")
WITHDRAW = text("UPDATE admin.announcements SET withdrawn_at = :now WHERE id = :id AND withdrawn_at IS NULL")
APPLIED = text("SELECT version_num FROM shared.schema_versions")


async def add_announcement(session: AsyncSession, said: AnnouncementView) -> None:
    """Keep a message."""
    values = msgspec.structs.asdict(said)
    values.pop("withdrawn_at")
    await session.execute(ADD, values)


async def list_shown(session: AsyncSession, now: datetime) -> list[AnnouncementView]:
    """What is on pages now, the newest first: it is meant for everybody."""
    return [msgspec.convert(dict(row._mapping), AnnouncementView) for row in await session.execute(SHOWN, {"now": now})]


async def list_last(session: AsyncSession, scope: PlatformScope) -> list[AnnouncementView]:
    """The last twenty, the newest first."""
    return [msgspec.convert(dict(row._mapping), AnnouncementView) for row in await session.execute(LAST)]


async def find_announcement(
    session: AsyncSession, scope: PlatformScope, announcement_id: UUID
) -> AnnouncementView | None:
    """One message."""
    row = (await session.execute(FIND, {"id": announcement_id})).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), AnnouncementView)


async def withdraw_announcement(session: AsyncSession, announcement_id: UUID, now: datetime) -> None:
    """Take a message away; the first withdrawal counts."""
    await session.execute(WITHDRAW, {"id": announcement_id, "now": now})


async def find_applied(session: AsyncSession, scope: PlatformScope) -> str:
    """The newest migration that was applied."""
    return str(await session.scalar(APPLIED) or "none")
