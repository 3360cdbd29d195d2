"""How far the outbox is behind: what waits, since when, and what was given up. For metrics and the operator's page."""

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

WAITING = text("""
    SELECT kind, count(*) AS rows, extract(epoch FROM clock_timestamp() - min(due_at))::float8 AS oldest_seconds
    FROM shared.outbox_events WHERE published_at IS NULL AND due_at <= clock_timestamp() GROUP BY kind
""")
DEAD = text("SELECT source, count(*) AS rows FROM shared.dead_letters WHERE redriven_at IS NULL GROUP BY source")
KINDS = ("event", "job", "workflow")


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one kind that are due and not sent; `oldest_seconds` is 0 when there are none."""

    kind: str
    rows: int
    oldest_seconds: float


async def outbox_lag(session: AsyncSession) -> tuple[Lag, ...]:
    """One for each kind, those without waiting rows included."""
    found = {row.kind: row for row in await session.execute(WAITING)}
    return tuple(
        Lag(kind=kind, rows=found[kind].rows, oldest_seconds=max(0.0, found[kind].oldest_seconds))
        if kind in found
        else Lag(kind=kind, rows=0, oldest_seconds=0.0)
        for kind in KINDS
    )


async def dead_letters_by_source(session: AsyncSession) -> dict[str, int]:
    """How many dead letters wait for somebody, by the relay or consumer that gave up."""
    return {row.source: row.rows for row in await session.execute(DEAD)}
