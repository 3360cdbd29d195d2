"""The meter of each allocation: one row from its hold to its end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.billing.contracts import CostLine, StartMetering
from app.shared.authz import PlatformScope, TenantScope
from app.shared.db.repository import Repository
from app.shared.money import Micro, RateMicroPerHour

LABEL_LENGTH = 100


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """The meter of one allocation. `metered_from` is None while there is only a hold."""

    allocation_id: UUID
    tenant_id: UUID
    project_id: UUID
    label: str
    currency: str
    sku_id: UUID | None
    price_version_id: UUID | None
    rate: RateMicroPerHour | None
    metered_from: datetime | None
    ended_at: datetime | None
    version: int


class HeldMeter(Meter, frozen=True, kw_only=True):
    """A meter with what is held for its allocation."""

    held: Micro


COLUMNS = """
    SELECT allocation_id, tenant_id, project_id, label, currency, sku_id, price_version_id, rate, metered_from,
           ended_at, version
    FROM billing.metered_allocations
"""
FIND = text(COLUMNS + " WHERE allocation_id = :allocation_id")
LIST = text("""
    SELECT m.allocation_id, m.tenant_id, m.project_id, m.label, m.currency, m.sku_id, m.price_version_id, m.rate,
           m.metered_from, m.ended_at, m.version, coalesce(h.held, 0)::bigint AS held
    FROM billing.metered_allocations m
    CROSS JOIN LATERAL (SELECT sum(e.amount) AS held FROM billing.ledger_entries e WHERE e.hold_id = m.allocation_id) h
    WHERE m.allocation_id = ANY(:ids)
""")
LIST_IN_PERIOD = text(
    COLUMNS
    + """
    WHERE tenant_id = :tenant_id AND metered_from < :to_at AND (ended_at IS NULL OR ended_at > :from_at)
    ORDER BY metered_from DESC, allocation_id LIMIT :limit
"""
)
LIST_RUNNING = text(
    COLUMNS
    + """
    WHERE tenant_id = :tenant_id AND metered_from IS NOT NULL AND ended_at IS NULL
    ORDER BY metered_from DESC, allocation_id LIMIT :limit
"""
)
LIST_OPEN = text(COLUMNS + " WHERE tenant_id = :tenant_id AND allocation_id = ANY(:ids) AND ended_at IS NULL")
START = text("""
    UPDATE billing.metered_allocations
    SET sku_id = :sku_id, price_version_id = :price_version_id, rate = :rate, metered_from = :at, version = version + 1
    WHERE allocation_id = :allocation_id AND metered_from IS NULL AND ended_at IS NULL
""")
END = text("""
    UPDATE billing.metered_allocations m SET ended_at = e.at, version = version + 1
    FROM unnest(CAST(:ids AS uuid[]), CAST(:instants AS timestamptz[])) AS e (id, at)
    WHERE m.allocation_id = e.id AND m.ended_at IS NULL
""")
BURN_RATES = text("""
    SELECT currency, sum(rate)::bigint AS rate FROM billing.metered_allocations
    WHERE metered_from IS NOT NULL AND ended_at IS NULL GROUP BY currency ORDER BY currency
""")
RECEIPT = text("""
    SELECT min(from_at) AS from_at, max(to_at) AS to_at, sum(seconds)::bigint AS seconds, max(rate) AS rate,
           sum(amount)::bigint AS amount, count(*) AS records
    FROM billing.usage_records WHERE allocation_id = :allocation_id
    GROUP BY date_bin('1 hour', to_at, timestamptz '2000-01-01 00:00:00+00') ORDER BY 1
""")


class MeterRepository(Repository):
    """Meters, and what each allocation has cost. A method without a scope serves callers that checked the owner."""

    async def start(self, command: StartMetering, at: datetime) -> bool:
        """Start the meter at `at` (whole seconds). False when it had been started or ended before."""
        parameters = {
            "allocation_id": command.allocation_id,
            "sku_id": command.sku_id,
            "price_version_id": command.price_version_id,
            "rate": command.rate,
            "at": at,
        }
        return await self._changed(START, **parameters) > 0

    async def end(self, at: Mapping[UUID, datetime]) -> None:
        """End the meter of each allocation at its instant. A meter that had ended keeps its end."""
        if at:
            await self._session.execute(END, {"ids": list(at), "instants": list(at.values())})

    async def find(self, allocation_id: UUID) -> Meter | None:
        """The meter of the allocation; None when no hold was ever placed."""
        return await self._find_view(Meter, FIND, allocation_id=allocation_id)

    async def list_by_id(self, allocation_ids: Sequence[UUID]) -> list[HeldMeter]:
        """The meters of several allocations, with what is held for each."""
        return await self._list_views(HeldMeter, LIST, ids=list(allocation_ids))

    async def list_open(self, tenant_id: UUID, allocation_ids: Sequence[UUID]) -> list[Meter]:
        """Those meters of the tenant's allocations that have not ended."""
        return await self._list_views(Meter, LIST_OPEN, tenant_id=tenant_id, ids=list(allocation_ids))

    async def list_running(self, scope: TenantScope, limit: int) -> list[Meter]:
        """The running meters of the tenant, latest start first."""
        return await self._list_views(Meter, LIST_RUNNING, tenant_id=scope.tenant_id, limit=limit)

    async def list_in_period(self, scope: TenantScope, from_at: datetime, to_at: datetime, limit: int) -> list[Meter]:
        """The meters of the tenant that ran at some time in [from_at, to_at), latest start first."""
        return await self._list_views(
            Meter, LIST_IN_PERIOD, tenant_id=scope.tenant_id, from_at=from_at, to_at=to_at, limit=limit
        )

    async def list_burn_rates(self, scope: PlatformScope) -> dict[str, RateMicroPerHour]:
        """The sum of the rates of all running meters, by currency."""
        rows = await self._session.execute(BURN_RATES)
        return {row.currency: RateMicroPerHour(row.rate) for row in rows}

    async def list_receipt(self, allocation_id: UUID) -> tuple[CostLine, ...]:
        """Posted usage of the allocation by hour, oldest first."""
        return tuple(await self._list_views(CostLine, RECEIPT, allocation_id=allocation_id))
