"""SQL about the event feed: a position per tenant, given out under a lock so that it commits in its order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.authz import TenantScope
from app.shared.db.repository import changed_rows


class FeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One event as programs get it."""

    position: int
    id: UUID
    kind: str
    project_id: UUID | None
    data: dict[str, object]
    occurred_at: datetime


KNOWN = text("SELECT 1 FROM notification.feed_events WHERE id = :id")
NEXT = text("""
    INSERT INTO notification.feed_heads (tenant_id, position) VALUES (:tenant_id, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET position = notification.feed_heads.position + 1 RETURNING position
""")
APPEND = text("""
    INSERT INTO notification.feed_events (tenant_id, position, id, domain, kind, project_id, facts, occurred_at,
                                          created_at)
    VALUES (:tenant_id, :position, :id, :domain, :kind, :project_id, CAST(:facts AS jsonb), :occurred_at, :now)
""")
HEAD = text("SELECT position FROM notification.feed_heads WHERE tenant_id = :tenant_id")
PAGE = text("""
    SELECT position, id, kind, project_id, facts AS data, occurred_at FROM notification.feed_events
    WHERE tenant_id = :tenant_id AND position > :after AND position <= :head
      AND (domain = ANY(:everywhere) OR (domain = ANY(:in_project)
                                         AND (project_id IS NULL OR project_id = CAST(:project_id AS uuid))))
    ORDER BY position LIMIT :limit
""")
PRUNE = text("""
    DELETE FROM notification.feed_events WHERE id IN
        (SELECT id FROM notification.feed_events WHERE created_at < :before ORDER BY created_at LIMIT :limit)
""")


async def append_event(
    session: AsyncSession,
    tenant_id: UUID,
    event_id: UUID,
    domain: str,
    kind: str,
    project_id: UUID | None,
    data: dict[str, object],
    occurred_at: datetime,
    now: datetime,
) -> None:
    """Add an event at the tenant's next position; one that is there already stays where it is."""
    if await session.scalar(KNOWN, {"id": event_id}) is not None:
        return
    values = {
        "tenant_id": tenant_id,
        "position": await session.scalar(NEXT, {"tenant_id": tenant_id}),
        "id": event_id,
        "domain": domain,
        "kind": kind,
        "project_id": project_id,
        "facts": msgspec.json.encode(data).decode(),
        "occurred_at": occurred_at,
        "now": now,
    }
    await session.execute(APPEND, values)


async def head_of(session: AsyncSession, scope: TenantScope) -> int:
    """The newest committed position of the tenant; everything up to it is visible."""
    return int(await session.scalar(HEAD, {"tenant_id": scope.tenant_id}) or 0)


async def list_events(
    session: AsyncSession,
    scope: TenantScope,
    *,
    after: int,
    head: int,
    everywhere: Sequence[str],
    in_project: Sequence[str],
    project_id: UUID | None,
    limit: int,
) -> list[FeedRow]:
    """Events after a position up to the head, oldest first, of the domains that may be read in the whole tenant, or in
    one project and what belongs to none."""
    values = {
        "tenant_id": scope.tenant_id,
        "after": after,
        "head": head,
        "everywhere": list(everywhere),
        "in_project": list(in_project),
        "project_id": project_id,
        "limit": limit,
    }
    return [FeedRow(**row._mapping) for row in await session.execute(PAGE, values)]


async def prune_events(session: AsyncSession, before: datetime, limit: int) -> int:
    """Forget events that are older; positions are never given out again. Returns how many."""
    return await changed_rows(session, PRUNE, {"before": before, "limit": limit})
