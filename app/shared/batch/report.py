"""Batches for an operator's page: what is under way, how far it is, and what ended lately. Reads only."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.authz import PlatformScope

SHOWN = 20


class BatchView(msgspec.Struct, frozen=True, kw_only=True):
    """One batch. `passed_over` things of this round could not be done yet and come again; `next_at` is when."""

    id: UUID
    name: str
    title: str
    tenant_id: UUID | None
    state: Literal["running", "done", "stopped"]
    done: int
    total: int
    passed_over: int
    round: int
    outcome: str
    last_error: str | None
    correlation_id: str
    started_at: datetime
    touched_at: datetime
    next_at: datetime | None
    ended_at: datetime | None


LATEST = text("""
    SELECT id, name, title, tenant_id, state, done, total, passed AS passed_over, round, outcome, last_error,
           correlation_id, started_at, touched_at, CASE WHEN ended_at IS NULL THEN due_at END AS next_at, ended_at
    FROM shared.batches ORDER BY (ended_at IS NOT NULL), started_at DESC, id DESC LIMIT :limit
""")


async def list_batches(session: AsyncSession, scope: PlatformScope) -> list[BatchView]:
    """Those under way first, then the newest that ended; at most 20."""
    rows = await session.execute(LATEST, {"limit": SHOWN})
    return [msgspec.convert(dict(row._mapping), BatchView) for row in rows]
