"""What became of rows of the outbox: waiting, delivered, failing, or given up. For whoever keeps their ids."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

OUTCOMES = text("""
    SELECT o.id, o.attempts,
           CASE WHEN d.id IS NOT NULL THEN d.error WHEN o.published_at IS NULL THEN coalesce(o.last_error, '')
                ELSE '' END AS error,
           CASE WHEN d.id IS NOT NULL THEN 'given_up' WHEN o.published_at IS NOT NULL THEN 'delivered'
                WHEN o.attempts > 0 THEN 'failing' ELSE 'waiting' END AS state,
           CASE WHEN d.id IS NULL THEN o.published_at END AS delivered_at
    FROM shared.outbox_events o
    LEFT JOIN shared.dead_letters d ON d.source = 'relay' AND d.message_id = o.id AND d.redriven_at IS NULL
    WHERE o.id = ANY(:ids)
""")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one row. `error` is the last one, sanitized. `failing`: tried again; `given_up`: a dead letter."""

    state: Literal["waiting", "delivered", "failing", "given_up"]
    attempts: int = 0
    error: str = ""
    delivered_at: datetime | None = None


FORGOTTEN = Outcome(state="delivered")  # rows are deleted a week after they were delivered


async def outcomes(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Outcome]:
    """What became of each of these rows."""
    known = {
        row.id: Outcome(state=row.state, attempts=row.attempts, error=row.error, delivered_at=row.delivered_at)
        for row in await session.execute(OUTCOMES, {"ids": list(ids)})
    }
    return {row_id: known.get(row_id, FORGOTTEN) for row_id in ids}
