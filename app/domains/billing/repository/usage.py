"""Usage of a period, grouped.

Charges are cumulative: the cost of a machine between two instants is the rule applied to both, however often the meter
was read in between. So no usage record is read here; `verify` proves that the posted records sum to the same.
"""

from datetime import date, datetime
from typing import cast
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.billing.rules.periods import Buckets
from app.domains.billing.rules.usage import UsageBy
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository
from app.shared.money import Micro

PARTS = """
    WITH days AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:days AS date[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
               AS d (day, from_at, to_at)
    ), metered AS (
        SELECT m.allocation_id, m.label, m.project_id, m.sku_id, m.gpus, m.rate, m.metered_from,
               coalesce(m.ended_at, greatest(m.metered_from, CAST(:now AS timestamptz))) AS metered_until
        FROM billing.metered_allocations m
        WHERE m.tenant_id = :tenant_id AND m.metered_from IS NOT NULL AND m.metered_from < :to_at
          AND (m.ended_at IS NULL OR m.ended_at > :from_at)
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
GROUPED = text(
    PARTS  # noqa: S608 - two constants
    + """
    SELECT CASE CAST(:by AS text) WHEN 'day' THEN day::text WHEN 'sku' THEN sku_id::text
                WHEN 'project' THEN project_id::text ELSE allocation_id::text END AS key,
           CASE CAST(:split AS text) WHEN 'sku' THEN sku_id::text WHEN 'project' THEN project_id::text ELSE '' END
               AS part,
           max(label) AS label, max(sku_id::text) AS sku_id, max(project_id::text) AS project_id,
           sum(seconds)::bigint AS seconds, sum(seconds * gpus)::bigint AS gpu_seconds, sum(amount)::bigint AS amount,
           count(DISTINCT allocation_id) AS machines
    FROM parts GROUP BY 1, 2 ORDER BY 1, 2
"""
)
BY_DAY = text(
    PARTS  # noqa: S608 - two constants
    + """
    SELECT day, allocation_id, label, project_id, sku_id, gpus, rate, seconds, amount FROM parts
    ORDER BY day, label, allocation_id
"""
)
MOVEMENTS = text("""
    WITH days AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:days AS date[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
               AS d (day, from_at, to_at)
    ), moves AS (
        SELECT t.occurred_at, t.funds_change AS amount, false AS written_off FROM billing.ledger_transactions t
        WHERE t.tenant_id = :tenant_id AND t.kind <> 'usage' AND t.occurred_at >= :from_at AND t.funds_change <> 0
        UNION ALL
        SELECT t.occurred_at, -e.amount, true FROM billing.ledger_accounts a
        JOIN billing.ledger_entries e ON e.account_id = a.id
        JOIN billing.ledger_transactions t ON t.id = e.transaction_id
        WHERE a.tenant_id IS NULL AND a.kind = 'write_off' AND t.tenant_id = :tenant_id AND t.occurred_at >= :from_at
    )
    SELECT d.day, coalesce(sum(m.amount) FILTER (WHERE NOT m.written_off AND m.amount > 0), 0)::bigint AS added,
           coalesce(sum(m.amount) FILTER (WHERE NOT m.written_off AND m.amount < 0), 0)::bigint AS returned,
           coalesce(sum(m.amount) FILTER (WHERE m.written_off), 0)::bigint AS written_off
    FROM moves m JOIN days d ON m.occurred_at >= d.from_at AND m.occurred_at < d.to_at GROUP BY d.day
""")
FIRST_HOUR = text("""
    SELECT min(date_bin('1 hour', occurred_at, timestamptz '2000-01-01 00:00:00+00'))
    FROM billing.ledger_transactions WHERE tenant_id = :tenant_id
""")
UNPOSTED = text("""
    SELECT coalesce(sum(billing.charge(m.rate, extract(epoch FROM greatest(m.metered_from, CAST(:now AS timestamptz))
                                                               - m.metered_from)::bigint)
                        - billing.charge(m.rate, coalesce(l.elapsed + l.seconds, 0))), 0)::bigint
    FROM billing.metered_allocations m
    LEFT JOIN LATERAL (
        SELECT u.elapsed, u.seconds FROM billing.usage_records u
        WHERE u.allocation_id = m.allocation_id ORDER BY u.from_at DESC LIMIT 1
    ) l ON true
    WHERE m.tenant_id = :tenant_id AND m.metered_from IS NOT NULL AND m.ended_at IS NULL
""")


class UsageGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of one group. `label`, `sku_id` and `project_id` are those of its machine when the group is one machine."""

    key: str
    part: str
    label: str
    sku_id: str
    project_id: str
    seconds: int
    gpu_seconds: int
    amount: Micro
    machines: int


class Movement(msgspec.Struct, frozen=True):
    """Money that moved for another reason than use: credit added (+), credit refunded (-), and use that was written
    off (+)."""

    added: Micro = Micro(0)
    returned: Micro = Micro(0)
    written_off: Micro = Micro(0)

    @property
    def total(self) -> Micro:
        return Micro(self.added + self.returned + self.written_off)


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
    """Usage of a tenant in periods of its own calendar, up to `now` (whole seconds)."""

    async def list_groups(
        self, scope: TenantScope, buckets: Buckets, now: datetime, by: UsageBy, split: str = ""
    ) -> list[UsageGroup]:
        """Usage grouped by `by`, each group split by `split` (sku, project or nothing). Grouped by day, the keys are
        the labels of the buckets. Groups without use are absent."""
        return await self._list_views(UsageGroup, GROUPED, **_parameters(scope, buckets, now), by=by, split=split)

    async def list_machine_days(self, scope: TenantScope, buckets: Buckets, now: datetime) -> list[MachineDay]:
        """Usage by day and machine."""
        return await self._list_views(MachineDay, BY_DAY, **_parameters(scope, buckets, now))

    async def list_movements(self, scope: TenantScope, buckets: Buckets, now: datetime) -> dict[date, Movement]:
        """What moved for another reason than use, by the label of the bucket. Buckets without a movement are absent."""
        rows = await self._session.execute(MOVEMENTS, _parameters(scope, buckets, now))
        return {row.day: Movement(Micro(row.added), Micro(row.returned), Micro(row.written_off)) for row in rows}

    async def find_first_hour(self, scope: TenantScope) -> datetime | None:
        """The hour of the tenant's first transaction."""
        return cast(datetime | None, await self._session.scalar(FIRST_HOUR, {"tenant_id": scope.tenant_id}))

    async def get_unposted(self, scope: TenantScope, now: datetime) -> Micro:
        """What was used and is not in the ledger yet: the seconds since the last accrual."""
        return Micro(await self._session.scalar(UNPOSTED, {"tenant_id": scope.tenant_id, "now": now}) or 0)


def _parameters(scope: TenantScope, buckets: Buckets, now: datetime) -> dict[str, object]:
    return {
        "tenant_id": scope.tenant_id,
        "days": list(buckets.labels),
        "starts": list(buckets.edges[:-1]),
        "ends": list(buckets.edges[1:]),
        "from_at": buckets.edges[0],
        "to_at": buckets.edges[-1],
        "now": now,
    }
