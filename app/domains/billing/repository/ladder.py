"""The rungs that tenants have reached, one row per change."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.billing.contracts import Level
from app.domains.billing.repository.accounts import Funds
from app.shared.ids import new_id

LATEST = text("""
    SELECT t.tenant_id, l.level FROM unnest(CAST(:tenants AS uuid[])) AS t (tenant_id)
    CROSS JOIN LATERAL (SELECT level FROM billing.low_balance_events e
                        WHERE e.tenant_id = t.tenant_id ORDER BY e.id DESC LIMIT 1) l
""")
ADD = text("""
    INSERT INTO billing.low_balance_events (id, tenant_id, level, runway_seconds, funds, burn, occurred_at)
    VALUES (:id, :tenant_id, :level, :runway_seconds, :funds, :burn, :now)
""")


async def levels_of(session: AsyncSession, tenant_ids: Sequence[UUID]) -> dict[UUID, Level]:
    """The level each tenant was last seen at; absent means it never left `fine`."""
    rows = await session.execute(LATEST, {"tenants": list(tenant_ids)})
    return {row.tenant_id: cast(Level, row.level) for row in rows}


async def add_level(session: AsyncSession, funds: Funds, level: Level, runway: int | None, now: datetime) -> None:
    """Record that the tenant is at `level` now."""
    await session.execute(
        ADD,
        {
            "id": new_id(),
            "tenant_id": funds.tenant_id,
            "level": level,
            "runway_seconds": runway,
            "funds": funds.credit + funds.promotions + funds.metering_hold,
            "burn": funds.burn,
            "now": now,
        },
    )
