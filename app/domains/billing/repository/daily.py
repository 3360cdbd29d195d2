"""Closes days: the usage of a day that is over is summed once and never changes again.

A day is closed when it ended a while ago and every running meter was read past its end: then no machine can begin or
end inside it any more. The rows are derived from the meters; deleting them loses nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.billing.rules.periods import Buckets
from app.shared.db.repository import Repository


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The first open day of a tenant, in the calendar of `time_zone`; None before the first day was closed."""

    tenant_id: UUID
    time_zone: str
    open_from: date | None


DUE = text("""
    SELECT tenant_id FROM billing.daily_usage_progress
    WHERE closes_at <= :before AND (CAST(:after AS uuid) IS NULL OR tenant_id > :after) ORDER BY tenant_id LIMIT :limit
""")
LOCK = text("""
    SELECT tenant_id, time_zone, open_from FROM billing.daily_usage_progress
    WHERE tenant_id = ANY(:tenants) AND closes_at <= :before ORDER BY tenant_id FOR UPDATE SKIP LOCKED
""")
FIRST_METERED = text("""
    SELECT t.id, first.at FROM unnest(CAST(:tenants AS uuid[])) AS t (id)
    CROSS JOIN LATERAL (SELECT m.metered_from AS at FROM billing.metered_allocations m
                        WHERE m.tenant_id = t.id AND m.metered_from IS NOT NULL ORDER BY m.metered_from LIMIT 1) first
""")
FORGET = text("DELETE FROM billing.daily_usage WHERE tenant_id = ANY(:tenants)")
BEGIN = text("""
    UPDATE billing.daily_usage_progress SET time_zone = :time_zone, open_from = :day, open_at = :from_at,
           closes_at = :to_at
    WHERE tenant_id = :tenant_id
""")
CLOSE = text("""
    WITH days AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:days AS date[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]),
                             CAST(:next_days AS date[]), CAST(:next_ends AS timestamptz[]))
               AS d (day, from_at, to_at, next_day, next_end)
    ), readings AS (
        SELECT m.tenant_id, min(coalesce(l.to_at, m.metered_from)) AS until FROM billing.metered_allocations m
        LEFT JOIN LATERAL (SELECT u.to_at FROM billing.usage_records u WHERE u.allocation_id = m.allocation_id
                           ORDER BY u.from_at DESC LIMIT 1) l ON true
        WHERE m.tenant_id = ANY(:tenants) AND m.metered_from IS NOT NULL AND m.ended_at IS NULL GROUP BY 1
    ), closing AS MATERIALIZED (
        SELECT t.id AS tenant_id, d.* FROM unnest(CAST(:tenants AS uuid[])) AS t (id)
        LEFT JOIN readings r ON r.tenant_id = t.id JOIN days d ON d.to_at <= coalesce(r.until, 'infinity')
    ), metered AS (
        SELECT m.* FROM billing.metered_allocations m
        WHERE m.tenant_id = ANY(:tenants) AND m.metered_from < :until AND (m.ended_at IS NULL OR m.ended_at > :since)
    ), parts AS (
        SELECT c.tenant_id, c.day, m.project_id, m.sku_id, m.gpus, m.rate,
               extract(epoch FROM greatest(c.from_at, m.metered_from) - m.metered_from)::bigint AS begins,
               extract(epoch FROM least(c.to_at, coalesce(m.ended_at, c.to_at)) - m.metered_from)::bigint AS ends
        FROM closing c JOIN metered m ON m.tenant_id = c.tenant_id AND m.metered_from < c.to_at
             AND (m.ended_at IS NULL OR m.ended_at > c.from_at)
    ), summed AS (
        INSERT INTO billing.daily_usage (tenant_id, day, project_id, sku_id, seconds, gpu_seconds, amount, machines,
                                         started)
        SELECT tenant_id, day, project_id, sku_id, sum(ends - begins), sum((ends - begins) * gpus),
               sum(billing.charge(rate, ends) - billing.charge(rate, begins)), count(*),
               count(*) FILTER (WHERE begins = 0)
        FROM parts WHERE ends > begins GROUP BY 1, 2, 3, 4
    )
    UPDATE billing.daily_usage_progress p SET open_from = c.next_day, open_at = c.to_at, closes_at = c.next_end
    FROM (SELECT DISTINCT ON (tenant_id) tenant_id, next_day, to_at, next_end FROM closing
          ORDER BY tenant_id, to_at DESC, day DESC) c
    WHERE p.tenant_id = c.tenant_id
""")


class DailyUsageRepository(Repository):
    """The closed days of tenants. A worker locks the tenants whose days it closes; nobody waits for that lock."""

    async def list_due(self, before: datetime, after: UUID | None, limit: int) -> list[UUID]:
        """The next tenants whose first open day had ended at `before`, in the order of their ids."""
        rows = await self._session.execute(DUE, {"before": before, "after": after, "limit": limit})
        return [row.tenant_id for row in rows]

    async def lock_due(self, tenant_ids: Sequence[UUID], before: datetime) -> list[Progress]:
        """Lock those of them that are still due and that nobody else has locked."""
        return await self._list_views(Progress, LOCK, tenants=list(tenant_ids), before=before)

    async def list_first_metered(self, tenant_ids: Sequence[UUID]) -> dict[UUID, datetime]:
        """When the first machine of each tenant started. A tenant without one is absent."""
        rows = await self._session.execute(FIRST_METERED, {"tenants": list(tenant_ids)})
        return {row.id: row.at for row in rows}

    async def begin(self, first_days: Mapping[UUID, Buckets], time_zones: Mapping[UUID, str]) -> None:
        """Forget the closed days of these tenants: each one's only bucket is its first open day from now on."""
        await self._session.execute(FORGET, {"tenants": list(first_days)})
        rows = [
            {
                "tenant_id": tenant_id,
                "time_zone": time_zones[tenant_id],
                "day": first.labels[0],
                "from_at": first.edges[0],
                "to_at": first.edges[1],
            }
            for tenant_id, first in first_days.items()
        ]
        await self._session.execute(BEGIN, rows)

    async def close(self, tenant_ids: Sequence[UUID], days: Buckets, next_end: datetime) -> int:
        """Close those of the days that are ready, for locked tenants whose first open day is the first of them.
        `next_end` is the end of the day behind them. Returns for how many tenants a day was closed."""
        return await self._changed(
            CLOSE,
            tenants=list(tenant_ids),
            days=list(days.labels),
            starts=list(days.edges[:-1]),
            ends=list(days.edges[1:]),
            next_days=[*days.labels[1:], days.end],
            next_ends=[*days.edges[2:], next_end],
            since=days.edges[0],
            until=days.edges[-1],
        )
