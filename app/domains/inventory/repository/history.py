"""What happened to a machine."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.inventory.contracts import NodeId
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a node's history."""

    id: UUID
    node_id: UUID
    occurred_at: datetime
    kind: str
    detail: str
    allocation_id: UUID | None
    actor_kind: str
    actor_id: UUID | None


INSERT_HISTORY = text("""
    INSERT INTO inventory.node_history (id, node_id, occurred_at, kind, detail, allocation_id, actor_kind, actor_id)
    VALUES (:id, :node_id, :now, :kind, :detail, :allocation_id, :actor_kind, :actor_id)
""")
HISTORY = text("""
    SELECT id, node_id, occurred_at, kind, detail, allocation_id, actor_kind, actor_id FROM inventory.node_history
    WHERE node_id = :node_id AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
""")


class HistoryRepository(Repository):
    """Lines are only added."""

    async def append_entry(self, row: HistoryRow) -> None:
        """One line more."""
        values = msgspec.structs.asdict(row)
        await self._session.execute(INSERT_HISTORY, values | {"now": values.pop("occurred_at")})

    async def list_entries(
        self, scope: PlatformScope, node_id: NodeId, before: UUID | None, limit: int
    ) -> Sequence[HistoryRow]:
        """Newest first."""
        rows = await self._session.execute(HISTORY, {"node_id": node_id, "before": before, "limit": limit})
        return [HistoryRow(**row._mapping) for row in rows]
