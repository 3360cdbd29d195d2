"""What changed a tenant's money in each bucket of time, and its burn rate at each hour. One statement each."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import accumulate
from typing import cast

import msgspec
from sqlalchemy import text

from app.domains.billing.repository.usage import OPEN_DAYS, PARTS, parameters
from app.domains.billing.rules.periods import Buckets
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository
from app.shared.money import Micro, RateMicroPerHour

_CHANGES = """
    , used AS (
        SELECT label, sum(amount) AS amount FROM (
            SELECT b.label, u.amount FROM buckets b CROSS JOIN progress p
            JOIN billing.daily_usage u ON u.tenant_id = :tenant_id AND u.day >= b.label AND u.day < b.next
                 AND u.day < p.open_from
            UNION ALL
            SELECT day, amount FROM parts
        ) amounts GROUP BY 1
    ), moved AS (
        SELECT b.label, sum(t.funds_change) FILTER (WHERE t.funds_change > 0) AS added,
               sum(t.funds_change) FILTER (WHERE t.funds_change < 0) AS returned
        FROM buckets b JOIN billing.ledger_transactions t ON t.tenant_id = :tenant_id AND t.kind <> 'usage'
             AND t.funds_change <> 0 AND t.occurred_at >= b.from_at AND t.occurred_at < b.to_at
        GROUP BY 1
    ), lost AS (
        SELECT b.label, sum(w.amount) AS amount FROM buckets b
        JOIN billing.write_offs w ON w.tenant_id = :tenant_id AND w.occurred_at >= b.from_at AND w.occurred_at < b.to_at
        GROUP BY 1
    ), unposted AS MATERIALIZED (
        SELECT sum(billing.charge(m.rate, extract(epoch FROM greatest(m.metered_from, CAST(:now AS timestamptz))
                                                              - m.metered_from)::bigint)
                   - billing.charge(m.rate, coalesce(l.elapsed + l.seconds, 0))) AS amount
        FROM billing.metered_allocations m
        LEFT JOIN LATERAL (
            SELECT u.elapsed, u.seconds FROM billing.usage_records u
            WHERE u.allocation_id = m.allocation_id ORDER BY u.from_at DESC LIMIT 1
        ) l ON true
        WHERE m.tenant_id = :tenant_id AND m.metered_from IS NOT NULL AND m.ended_at IS NULL
    )
    SELECT b.label, coalesce(used.amount, 0)::bigint AS used,
           coalesce(moved.added, 0)::bigint AS added, coalesce(moved.returned, 0)::bigint AS returned,
           coalesce(lost.amount, 0)::bigint AS written_off,
           CASE WHEN b.next = CAST(:end AS date) THEN coalesce(unposted.amount, 0) ELSE 0 END::bigint AS unposted
    FROM buckets b CROSS JOIN unposted
    LEFT JOIN used USING (label) LEFT JOIN moved USING (label) LEFT JOIN lost USING (label)
    ORDER BY b.label
"""
CHANGES = text(OPEN_DAYS + PARTS + _CHANGES)
# What each hour added to the burn rate of the one before it. A machine runs at an hour when it started at it or before
# and ended after it, so both count from the first hour that is not before them.
BURN = text("""
    WITH changed AS (
        SELECT m.metered_from AS at, m.rate FROM billing.metered_allocations m
        WHERE m.tenant_id = :tenant_id AND m.metered_from <= :last AND (m.ended_at IS NULL OR m.ended_at > :first)
        UNION ALL
        SELECT m.ended_at, -m.rate FROM billing.metered_allocations m
        WHERE m.tenant_id = :tenant_id AND m.metered_from IS NOT NULL AND m.ended_at > :first AND m.ended_at <= :last
    )
    SELECT width_bucket(at - interval '1 microsecond', CAST(:hours AS timestamptz[])) + 1 AS number,
           sum(rate)::bigint AS rate
    FROM changed GROUP BY 1
""")


FIRST_HOUR = text("""
    SELECT min(date_bin('1 hour', occurred_at, timestamptz '2000-01-01 00:00:00+00'))
    FROM billing.ledger_transactions WHERE tenant_id = :tenant_id
""")


class BucketChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changed the money in one bucket: use, credit added (+), credit refunded (-), and use that was written off
    (+). `unposted` is use that is not in the ledger yet: the seconds since the last accrual, in the last bucket."""

    label: date
    used: Micro
    added: Micro
    returned: Micro
    written_off: Micro
    unposted: Micro

    @property
    def change(self) -> int:
        """The change of the posted balance."""
        return self.added + self.returned + self.written_off + self.unposted - self.used


class HistoryRepository(Repository):
    """The past of a tenant's money, in buckets of its own calendar."""

    async def list_changes(
        self, scope: TenantScope, buckets: Buckets, time_zone: str, now: datetime
    ) -> list[BucketChange]:
        """What changed the money in each bucket, in their order. The last bucket holds `now`."""
        return await self._list_views(BucketChange, CHANGES, **parameters(scope, buckets, now), time_zone=time_zone)

    async def list_burn_rates(self, scope: TenantScope, hours: Sequence[datetime]) -> tuple[RateMicroPerHour, ...]:
        """The burn rate at each of the hours, which are in order."""
        values = {"tenant_id": scope.tenant_id, "hours": list(hours), "first": hours[0], "last": hours[-1]}
        rows = await self._session.execute(BURN, values)
        changes = {row.number: row.rate for row in rows}
        return tuple(RateMicroPerHour(rate) for rate in accumulate(changes.get(n, 0) for n in range(1, len(hours) + 1)))

    async def find_first_hour(self, scope: TenantScope) -> datetime | None:
        """The hour of the tenant's first transaction."""
        return cast(datetime | None, await self._session.scalar(FIRST_HOUR, {"tenant_id": scope.tenant_id}))
