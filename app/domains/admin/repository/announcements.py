"""Announcements, and which migrations were applied."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import asdict
from sqlalchemy import bindparam, select, text, update

from app.domains.admin.contracts import AnnouncementView
from app.domains.admin.models import Announcement
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository, columns

EACH = select(*columns(AnnouncementView, Announcement))
SHOWN = (
    EACH.where(
        Announcement.withdrawn_at.is_(None),
        Announcement.from_at <= bindparam("now"),
        Announcement.to_at > bindparam("now"),
    )
    .order_by(Announcement.from_at.desc())
    .limit(5)
)
LAST = EACH.order_by(Announcement.created_at.desc()).limit(20)
ONE = EACH.where(Announcement.id == bindparam("id"))
APPLIED = text("SELECT version_num FROM shared.schema_versions")


class AnnouncementRepository(Repository):
    """Announcements."""

    async def append(self, announcement: AnnouncementView) -> None:
        """Store an announcement."""
        await self._rows(Announcement).add(Announcement(**asdict(announcement)))

    async def list_shown(self, now: datetime) -> list[AnnouncementView]:
        """The announcements that pages show now, newest first. They are public."""
        return await self._list_views(AnnouncementView, SHOWN, now=now)

    async def list_last(self, scope: PlatformScope) -> list[AnnouncementView]:
        """The last twenty, newest first."""
        return await self._list_views(AnnouncementView, LAST)

    async def find(self, scope: PlatformScope, announcement_id: UUID) -> AnnouncementView | None:
        """An announcement."""
        return await self._find_view(AnnouncementView, ONE, id=announcement_id)

    async def withdraw(self, announcement_id: UUID, now: datetime) -> None:
        """Withdraw an announcement, unless it already is."""
        shown = update(Announcement).where(Announcement.id == announcement_id, Announcement.withdrawn_at.is_(None))
        await self._session.execute(shown.values(withdrawn_at=now))

    async def find_applied(self, scope: PlatformScope) -> str:
        """The newest migration that was applied."""
        return str(await self._session.scalar(APPLIED) or "none")
