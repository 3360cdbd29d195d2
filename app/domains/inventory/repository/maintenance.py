"""What operators plan and do about machines: windows, power requests, the history of a node."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.inventory.contracts import MaintenanceWindow, NodeId
from app.shared.authz import Actor, PlatformScope
from app.shared.ids import new_id

PowerAction = Literal["on", "off", "cycle", "query"]


PowerOutcome = Literal["done", "refused", "unknown"]


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


WINDOW_COLUMNS = """
    SELECT id, node_id, starts_at, ends_at, reason, begun_at AS started_at, closed_at FROM inventory.maintenance_windows
"""
OPEN_WINDOWS = text(WINDOW_COLUMNS + " WHERE node_id = :node_id AND closed_at IS NULL ORDER BY starts_at, id")
WINDOW = text(WINDOW_COLUMNS + " WHERE id = :id AND node_id = :node_id FOR UPDATE")
DUE = text(
    WINDOW_COLUMNS
    + """
    WHERE closed_at IS NULL AND ((begun_at IS NULL AND starts_at <= :now) OR ends_at <= :now)
    ORDER BY ends_at, id LIMIT 200
    """
)
INSERT_WINDOW = text("""
    INSERT INTO inventory.maintenance_windows (id, node_id, starts_at, ends_at, reason, planned_at, planned_by)
    VALUES (:id, :node_id, :starts_at, :ends_at, :reason, :now, :actor_id)
""")
BEGIN_WINDOW = text("""
    UPDATE inventory.maintenance_windows SET begun_at = :now, version = version + 1
    WHERE id = :id AND begun_at IS NULL AND closed_at IS NULL
""")
CLOSE_WINDOW = text("""
    UPDATE inventory.maintenance_windows SET closed_at = :now, version = version + 1
    WHERE id = :id AND closed_at IS NULL
""")
INSERT_POWER = text("""
    INSERT INTO inventory.power_requests (id, node_id, action, forced, reason, asked_by, asked_at)
    VALUES (:id, :node_id, :action, :forced, :reason, :actor_id, :now)
""")
FINISH_POWER = text("""
    UPDATE inventory.power_requests SET outcome = :outcome, said = :said, finished_at = :now
    WHERE id = :id AND outcome IS NULL
""")
OUTCOME = text("SELECT outcome, asked_at FROM inventory.power_requests WHERE id = :id")
SET_POWER = text("""
    UPDATE inventory.nodes SET power_state = :power, version = version + 1 WHERE id = :id AND power_state <> :power
""")
INSERT_HISTORY = text("""
    INSERT INTO inventory.node_history (id, node_id, occurred_at, kind, detail, allocation_id, actor_kind, actor_id)
    VALUES (:id, :node_id, :now, :kind, :detail, :allocation_id, :actor_kind, :actor_id)
""")
HISTORY = text("""
    SELECT id, node_id, occurred_at, kind, detail, allocation_id, actor_kind, actor_id FROM inventory.node_history
    WHERE node_id = :node_id AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
""")


async def open_windows(session: AsyncSession, node_id: UUID) -> list[MaintenanceWindow]:
    """Those that have not ended, the next one first."""
    rows = await session.execute(OPEN_WINDOWS, {"node_id": node_id})
    return [MaintenanceWindow(**row._mapping) for row in rows]


async def lock_window(session: AsyncSession, node_id: UUID, window_id: UUID) -> MaintenanceWindow | None:
    """One window of the node; lock the node first."""
    row = (await session.execute(WINDOW, {"id": window_id, "node_id": node_id})).one_or_none()
    return None if row is None else MaintenanceWindow(**row._mapping)


async def due_windows(session: AsyncSession, now: datetime) -> list[MaintenanceWindow]:
    """Those that should have started or ended by now, without a lock: read each again under its node's lock."""
    return [MaintenanceWindow(**row._mapping) for row in await session.execute(DUE, {"now": now})]


async def append_window(session: AsyncSession, window: MaintenanceWindow, now: datetime, actor_id: UUID | None) -> None:
    """Plan it."""
    values = {name: getattr(window, name) for name in ("id", "node_id", "starts_at", "ends_at", "reason")}
    await session.execute(INSERT_WINDOW, values | {"now": now, "actor_id": actor_id})


async def begin_window(session: AsyncSession, window_id: UUID, now: datetime) -> None:
    """Once."""
    await session.execute(BEGIN_WINDOW, {"id": window_id, "now": now})


async def close_window(session: AsyncSession, window_id: UUID, now: datetime) -> None:
    """It has ended, or was called off."""
    await session.execute(CLOSE_WINDOW, {"id": window_id, "now": now})


async def append_power(
    session: AsyncSession, node_id: UUID, action: PowerAction, reason: str, *, forced: bool, actor: Actor, now: datetime
) -> UUID:
    """Record a request before it is sent to MAAS."""
    values = {
        "id": new_id(), "node_id": node_id, "action": action, "forced": forced, "reason": reason,
        "actor_id": actor.id, "now": now,
    }  # fmt: skip
    await session.execute(INSERT_POWER, values)
    return UUID(str(values["id"]))


async def finish_power(session: AsyncSession, request_id: UUID, outcome: str, response: str, now: datetime) -> None:
    """Record the outcome; the first one counts."""
    await session.execute(FINISH_POWER, {"id": request_id, "outcome": outcome, "said": response[:300], "now": now})


async def power_outcome(session: AsyncSession, request_id: UUID) -> tuple[PowerOutcome | None, datetime]:
    """The outcome of a request, None while it is unknown, and when it was made."""
    row = (await session.execute(OUTCOME, {"id": request_id})).one()
    return row.outcome, row.asked_at


async def set_power(session: AsyncSession, node_id: UUID, power: str) -> None:
    """The power state that was just seen."""
    await session.execute(SET_POWER, {"id": node_id, "power": power})


async def append_history(session: AsyncSession, row: HistoryRow) -> None:
    """One line more."""
    values = msgspec.structs.asdict(row)
    await session.execute(INSERT_HISTORY, values | {"now": values.pop("occurred_at")})


async def list_history(
    session: AsyncSession, scope: PlatformScope, node_id: NodeId, before: UUID | None, limit: int
) -> Sequence[HistoryRow]:
    """Newest first."""
    rows = await session.execute(HISTORY, {"node_id": node_id, "before": before, "limit": limit})
    return [HistoryRow(**row._mapping) for row in rows]
