"""Planned work on machines."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, or_, select, update

from app.domains.inventory import models
from app.domains.inventory.contracts import MaintenanceWindow, NodeId
from app.shared.db.repository import Repository

WINDOW = models.MaintenanceWindow
EACH = select(
    WINDOW.id,
    WINDOW.node_id,
    WINDOW.starts_at,
    WINDOW.ends_at,
    WINDOW.reason,
    WINDOW.started_at.label("begun_at"),  # the name by which the struct is read
    WINDOW.closed_at,
)
OPEN = EACH.where(WINDOW.node_id == bindparam("node_id"), WINDOW.closed_at.is_(None)).order_by(
    WINDOW.starts_at, WINDOW.id
)
LOCK = EACH.where(WINDOW.id == bindparam("id"), WINDOW.node_id == bindparam("node_id")).with_for_update()
TO_START = and_(WINDOW.started_at.is_(None), WINDOW.starts_at <= bindparam("now"))
DUE = (
    EACH.where(WINDOW.closed_at.is_(None), or_(TO_START, WINDOW.ends_at <= bindparam("now")))
    .order_by(WINDOW.ends_at, WINDOW.id)
    .limit(200)
)


class MaintenanceRepository(Repository):
    """Windows of nodes; the node is locked before one of its windows."""

    async def list_open(self, node_id: UUID) -> list[MaintenanceWindow]:
        """Those that have not ended, the next one first."""
        return await self._list_views(MaintenanceWindow, OPEN, node_id=node_id)

    async def lock_window(self, node_id: UUID, window_id: UUID) -> MaintenanceWindow | None:
        """One window of the node; lock the node first."""
        return await self._find_view(MaintenanceWindow, LOCK, id=window_id, node_id=node_id)

    async def list_due(self, now: datetime) -> list[MaintenanceWindow]:
        """Those that should have started or ended by now, without a lock: read each again under its node's lock."""
        return await self._list_views(MaintenanceWindow, DUE, now=now)

    async def append_window(self, window: MaintenanceWindow, now: datetime, actor_id: UUID | None) -> None:
        """Plan it."""
        row = WINDOW(
            id=window.id,
            node_id=NodeId(window.node_id),
            starts_at=window.starts_at,
            ends_at=window.ends_at,
            reason=window.reason,
            planned_at=now,
            planned_by=actor_id,
        )
        await self._rows(WINDOW).add(row)

    async def begin_window(self, window_id: UUID, now: datetime) -> None:
        """Once."""
        started = update(WINDOW).where(WINDOW.id == window_id, WINDOW.started_at.is_(None), WINDOW.closed_at.is_(None))
        await self._session.execute(started.values(started_at=now, version=WINDOW.version + 1))

    async def close_window(self, window_id: UUID, now: datetime) -> None:
        """It has ended, or was called off."""
        closed = update(WINDOW).where(WINDOW.id == window_id, WINDOW.closed_at.is_(None))
        await self._session.execute(closed.values(closed_at=now, version=WINDOW.version + 1))
