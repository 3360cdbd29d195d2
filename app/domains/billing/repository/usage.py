"""Usage of a period, grouped.

Charges are cumulative: the cost of a machine between two instants is the rule applied to both, however often the meter
was read in between. So no usage record is read here; `verify` proves that the posted records sum to the same. Days that
are closed come from `daily_usage`, which costs the same however many machines ran; what is open comes from the meters.
"""

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.billing.rules.periods import Buckets
from app.domains.billing.rules.usage import UsageCell
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository
from app.shared.money import Micro

# Closed days are those before `open_at`, in the calendar that they were closed in; in another one nothing is closed.
OPEN_DAYS = """
    WITH progress AS MATERIALIZED (
        SELECT open_from, open_at FROM billing.daily_usage_progress
        WHERE tenant_id = :tenant_id AND time_zone = :time_zone AND open_at IS NOT NULL
    ), buckets AS MATERIALIZED (
        SELECT b.label, lead(b.label, 1, CAST(:end AS date)) OVER (ORDER BY b.from_at) AS next, b.from_at, b.to_at
        FROM unnest(CAST(:labels AS date[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
             AS b (label, from_at, to_at)
    ), days AS MATERIALIZED (
        SELECT b.label AS day, greatest(b.from_at, (SELECT open_at FROM progress)) AS from_at, b.to_at FROM buckets b
        WHERE NOT EXISTS (SELECT FROM progress p WHERE p.open_at >= b.to_at)
"""
# What ended in the open days is little: with both bounds the planner takes it for a narrow range and uses the index.
PARTS = """
    ), metered AS (
        SELECT m.allocation_id, m.label, m.project_id, m.sku_id, m.gpus, m.rate, m.metered_from,
               greatest(m.metered_from, CAST(:now AS timestamptz)) AS metered_until
        FROM billing.metered_allocations m
        WHERE m.tenant_id = :tenant_id AND m.metered_from IS NOT NULL AND m.ended_at IS NULL AND m.metered_from < :to_at
        UNION ALL
        SELECT m.allocation_id, m.label, m.project_id, m.sku_id, m.gpus, m.rate, m.metered_from, m.ended_at
        FROM billing.metered_allocations m
        WHERE m.tenant_id = :tenant_id AND m.metered_from IS NOT NULL AND m.metered_from < :to_at
          AND m.ended_at > (SELECT min(from_at) FROM days) AND m.ended_at < 'infinity'
    ), timed AS (
        SELECT d.day, m.allocation_id, m.label, m.project_id, m.sku_id, m.gpus, m.rate,
               extract(epoch FROM greatest(d.from_at, m.metered_from) - m.metered_from)::bigint AS begins,
               extract(epoch FROM least(d.to_at, m.metered_until) - m.metered_from)::bigint AS ends
        FROM metered m JOIN days d ON m.metered_from < d.to_at AND m.metered_until > d.from_at
    ), parts AS (
        SELECT t.*, ends - begins AS seconds, billing.charge(rate, ends) - billing.charge(rate, begins) AS amount
        FROM timed t WHERE ends > begins
    )
"""
_CELLS = """
    SELECT b.label AS day, u.project_id, u.sku_id, u.seconds, u.gpu_seconds, u.amount, u.machines, u.started
    FROM buckets b JOIN progress p ON p.open_from > b.label
    JOIN billing.daily_usage u ON u.tenant_id = :tenant_id AND u.day = b.label
    UNION ALL
    SELECT day, project_id, sku_id, sum(seconds)::bigint, sum(seconds * gpus)::bigint, sum(amount)::bigint, count(*),
           count(*) FILTER (WHERE begins = 0)
    FROM parts GROUP BY 1, 2, 3
"""
CELLS = text(OPEN_DAYS + PARTS + _CELLS)
DAYS = """
    WITH days AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:labels AS date[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
               AS d (day, from_at, to_at)
"""
_BY_MACHINE = """
    SELECT day, allocation_id, label, project_id, sku_id, gpus, rate, seconds, amount FROM parts LIMIT :limit
"""
BY_MACHINE = text(DAYS + PARTS + _BY_MACHINE)
_BY_MACHINE_AND_DAY = """
    SELECT day, allocation_id, label, project_id, sku_id, gpus, rate, seconds, amount FROM parts
    WHERE CAST(:after_id AS uuid) IS NULL OR (day, label, allocation_id) > (:after_day, :after_label, :after_id)
    ORDER BY day, label, allocation_id LIMIT :limit
"""
BY_MACHINE_AND_DAY = text(DAYS + PARTS + _BY_MACHINE_AND_DAY)


class MachineDay(msgspec.Struct, frozen=True, kw_only=True):
    """What one machine used on one day."""

    day: date
    allocation_id: UUID
    label: str
    project_id: UUID
    sku_id: UUID
    gpus: int
    rate: int
    seconds: int
    amount: Micro


class UsageRepository(Repository):
    """Usage of a tenant in days of its own calendar, up to `now` (whole seconds)."""

    async def list_cells(self, scope: TenantScope, days: Buckets, time_zone: str, now: datetime) -> list[UsageCell]:
        """Usage by day, project and type, in no order. What was not used is absent."""
        return await self._list_views(UsageCell, CELLS, **parameters(scope, days, now), time_zone=time_zone)

    async def list_machines(self, scope: TenantScope, whole: Buckets, now: datetime, limit: int) -> list[MachineDay]:
        """Usage by machine in one bucket that spans the whole period, in no order."""
        return await self._list_views(MachineDay, BY_MACHINE, **parameters(scope, whole, now), limit=limit)

    async def page_machine_days(
        self, scope: TenantScope, days: Buckets, now: datetime, after: MachineDay | None, limit: int
    ) -> list[MachineDay]:
        """`limit` lines of usage by day and machine behind `after`, in order of day, label and id."""
        return await self._list_views(
            MachineDay,
            BY_MACHINE_AND_DAY,
            **parameters(scope, days, now),
            after_day=after.day if after else None,
            after_label=after.label if after else None,
            after_id=after.allocation_id if after else None,
            limit=limit,
        )


def parameters(scope: TenantScope, buckets: Buckets, now: datetime) -> dict[str, object]:
    """What the statements of this module and of `history` take; `end` is the first day behind the buckets."""
    return {
        "tenant_id": scope.tenant_id,
        "labels": list(buckets.labels),
        "end": buckets.end,
        "starts": list(buckets.edges[:-1]),
        "ends": list(buckets.edges[1:]),
        "to_at": buckets.edges[-1],
        "now": now,
    }
