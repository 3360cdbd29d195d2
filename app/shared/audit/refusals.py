"""Rows of what was refused. An exact repeat (same actor, action, target and reason) within some seconds is counted, and
a row with the number follows: nothing is lost, and a loop of one refused request cannot fill the log.

All of it is in the database: it does not need Valkey, and a process may die at any instruction.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.audit.writer import AuditRow, append_audit_row
from app.shared.ids import new_id

WINDOW = timedelta(seconds=10)
BATCH = 500

OPEN = text("""
    INSERT INTO admin.refusal_windows AS w (fingerprint, row_id, occurred_at, closes_at)
    VALUES (:fingerprint, :row_id, :now, :closes_at)
    ON CONFLICT (fingerprint) DO UPDATE SET left_out = w.left_out + 1
    RETURNING left_out
""")
CLOSE_ONE = text("""
    DELETE FROM admin.refusal_windows WHERE fingerprint = :fingerprint AND closes_at <= :now
    RETURNING row_id, occurred_at, left_out
""")
CLOSE = text("""
    DELETE FROM admin.refusal_windows WHERE fingerprint IN (
        SELECT fingerprint FROM admin.refusal_windows WHERE closes_at <= :now
        ORDER BY closes_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING row_id, occurred_at, left_out
""")
REPEATED = text("""
    INSERT INTO admin.audit_logs (id, occurred_at, actor_kind, actor_id, actor_roles, action, target_kind, target_id,
                                  result, reason, details, tenant_id, project_id, correlation_id)
    SELECT :id, :now, actor_kind, actor_id, actor_roles, action, target_kind, target_id, result, reason,
           details || jsonb_build_object('left_out', CAST(:left_out AS integer), 'first_at', occurred_at),
           tenant_id, project_id, correlation_id
    FROM admin.audit_logs WHERE id = :row_id AND occurred_at = :occurred_at
""")


async def append_refusal(session: AsyncSession, row: AuditRow) -> None:
    """Write `row`, or count it when the same was written a moment ago."""
    fingerprint, now, row_id = _fingerprint(row), row.occurred_at, new_id()
    await _write_repeats(session, await session.execute(CLOSE_ONE, {"fingerprint": fingerprint, "now": now}), now)
    window = {"fingerprint": fingerprint, "row_id": row_id, "now": now, "closes_at": now + WINDOW}
    if not await session.scalar(OPEN, window):
        await append_audit_row(session, row, row_id)


async def close_windows(session: AsyncSession, now: datetime) -> int:
    """Write the numbers of one batch of windows that are over. Returns how many there were; call again while full."""
    closed = (await session.execute(CLOSE, {"now": now, "batch": BATCH})).all()
    await _write_repeats(session, closed, now)
    return len(closed)


async def _write_repeats(session: AsyncSession, closed: Iterable[Row[tuple[object, ...]]], now: datetime) -> None:
    for window in list(closed):
        if window.left_out:
            await session.execute(REPEATED, {**window._mapping, "id": new_id(), "now": now})


def _fingerprint(row: AuditRow) -> bytes:
    actor = row.actor
    same = (
        actor.kind, actor.id, actor.tenant_id, actor.project_id, actor.viewing, row.action, row.target_kind,
        row.target_id, row.reason, row.details, row.about_tenant,
    )  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(same, order="sorted")).digest()
