"""SQL about the inbox and the preferences of a person. A read names the person and demands the tenant's scope."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.notification.rules.values import Item
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository, changed_rows

COLUMNS = """
    SELECT id, kind, subject_id, project_id, facts AS data, occurred_at, read_at FROM notification.inbox_items
    WHERE user_id = :user_id AND tenant_id = :tenant_id
"""
APPEND = text("""
    INSERT INTO notification.inbox_items (id, user_id, tenant_id, project_id, event_id, kind, subject_id, facts,
                                          occurred_at, created_at)
    SELECT item.id, item.user_id, :tenant_id, CAST(:project_id AS uuid), :event_id, :kind, :subject_id,
           CAST(:facts AS jsonb), :occurred_at, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:user_ids AS uuid[])) AS item (id, user_id)
    ON CONFLICT (event_id, user_id) DO NOTHING RETURNING id, user_id
""")
PAGE = text(
    COLUMNS
    + """
    AND (CAST(:cursor AS uuid) IS NULL OR id < :cursor) AND (NOT :unread OR read_at IS NULL)
    ORDER BY id DESC LIMIT :limit
"""
)
GET = text(COLUMNS + " AND id = :id")
FIND_ANY = text("""
    SELECT id, kind, subject_id, project_id, facts AS data, occurred_at, read_at, user_id, tenant_id
    FROM notification.inbox_items WHERE id = :id
""")
UNREAD = text("""
    SELECT count(*) FROM (SELECT FROM notification.inbox_items
                          WHERE user_id = :user_id AND tenant_id = :tenant_id AND read_at IS NULL LIMIT 100) AS newest
""")
READ_ONE = text("""
    UPDATE notification.inbox_items SET read_at = :now
    WHERE user_id = :user_id AND tenant_id = :tenant_id AND id = :id AND read_at IS NULL
""")
READ_ALL = text("""
    UPDATE notification.inbox_items SET read_at = :now
    WHERE user_id = :user_id AND tenant_id = :tenant_id AND read_at IS NULL
      AND (CAST(:until AS uuid) IS NULL OR id <= :until)
""")
PRUNE = text("""
    DELETE FROM notification.inbox_items WHERE id IN
        (SELECT id FROM notification.inbox_items WHERE created_at < :before ORDER BY created_at LIMIT :limit)
""")
CHOICES = text("SELECT user_id, choices, version FROM notification.preferences WHERE user_id = ANY(:user_ids)")
SET_CHOICES = text("""
    INSERT INTO notification.preferences (user_id, choices, updated_at) VALUES (:user_id, CAST(:choices AS jsonb), :now)
    ON CONFLICT (user_id) DO UPDATE
    SET choices = excluded.choices, updated_at = excluded.updated_at, version = notification.preferences.version + 1
    RETURNING version
""")
LOCK_CHOICES = text("SELECT version FROM notification.preferences WHERE user_id = :user_id FOR UPDATE")


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """A person's own choices; version 0 when they never chose."""

    choices: dict[str, dict[str, bool]]
    version: int


class NewItems(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it is put into inboxes; `ids` maps a person to their item's id."""

    ids: dict[UUID, UUID]
    tenant_id: UUID
    project_id: UUID | None
    event_id: UUID
    kind: str
    subject_id: UUID
    data: dict[str, object]
    occurred_at: datetime


class InboxRepository(Repository):
    """Bound to one unit of work."""

    async def append(self, new: NewItems, now: datetime) -> dict[UUID, UUID]:
        """Add the items; a person who has this event already keeps the first. Returns person -> item of the added."""
        values = {
            "ids": list(new.ids.values()),
            "user_ids": list(new.ids),
            "tenant_id": new.tenant_id,
            "project_id": new.project_id,
            "event_id": new.event_id,
            "kind": new.kind,
            "subject_id": new.subject_id,
            "facts": msgspec.json.encode(new.data).decode(),
            "occurred_at": new.occurred_at,
            "now": now,
        }
        return {row.user_id: row.id for row in await self._session.execute(APPEND, values)}

    async def page(
        self, scope: TenantScope, user_id: UUID, cursor: UUID | None, limit: int, *, unread: bool
    ) -> list[Item]:
        """Up to `limit + 1` items, newest first."""
        values = {"tenant_id": scope.tenant_id, "user_id": user_id, "cursor": cursor, "unread": unread}
        return await self._list_views(Item, PAGE, **values, limit=limit + 1)

    async def find(self, scope: TenantScope, user_id: UUID, item_id: UUID) -> Item | None:
        return await self._find_view(Item, GET, tenant_id=scope.tenant_id, user_id=user_id, id=item_id)

    async def find_for_mail(self, item_id: UUID) -> Item | None:
        """For our own job, which writes to the person whose item it is."""
        return await self._find_view(Item, FIND_ANY, id=item_id)

    async def count_unread(self, scope: TenantScope, user_id: UUID) -> int:
        """At most 100: more is shown as 99+."""
        values = {"tenant_id": scope.tenant_id, "user_id": user_id}
        return int(await self._session.scalar(UNREAD, values) or 0)

    async def read_one(self, scope: TenantScope, user_id: UUID, item_id: UUID, now: datetime) -> int:
        return await self._changed(READ_ONE, tenant_id=scope.tenant_id, user_id=user_id, id=item_id, now=now)

    async def read_all(self, scope: TenantScope, user_id: UUID, until: UUID | None, now: datetime) -> int:
        return await self._changed(READ_ALL, tenant_id=scope.tenant_id, user_id=user_id, until=until, now=now)

    async def preferences(self, user_ids: Iterable[UUID]) -> dict[UUID, Preferences]:
        """Of those who ever chose."""
        rows = await self._session.execute(CHOICES, {"user_ids": list(user_ids)})
        return {row.user_id: Preferences(choices=row.choices, version=row.version) for row in rows}

    async def lock_preferences(self, user_id: UUID) -> int:
        """The version in force, held until the end of the transaction; 0 when there is none."""
        return int(await self._session.scalar(LOCK_CHOICES, {"user_id": user_id}) or 0)

    async def set_preferences(self, user_id: UUID, choices: dict[str, dict[str, bool]], now: datetime) -> int:
        """Replace a person's choices. Returns the new version."""
        values = {"user_id": user_id, "choices": msgspec.json.encode(choices).decode(), "now": now}
        return int(await self._session.scalar(SET_CHOICES, values) or 0)


async def prune_items(session: AsyncSession, before: datetime, limit: int) -> int:
    """Forget items that are older. Returns how many."""
    return await changed_rows(session, PRUNE, {"before": before, "limit": limit})
