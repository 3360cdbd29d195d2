"""Accounts, the tenant's lock, balances and funds.

The row of a tenant's credit account is that tenant's lock: whoever writes entries of a tenant holds it, so entries of
one account commit in the order of their ids, and a checkpoint can never miss a late one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.money import Micro, RateMicroPerHour

TENANT_KINDS = ("customer_credit", "customer_promotions", "customer_held", "customer_debt")
HOUSE_KINDS = ("revenue", "payment_clearing", "promotions_expense", "refunds", "write_off", "disputes")


class Funds(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's money as one statement saw it. `metering_hold` is the part of `held` that running machines may use;
    `debt` is what was taken back from outside after it had been spent, a positive number."""

    tenant_id: UUID
    currency: str
    credit: Micro
    promotions: Micro
    held: Micro
    debt: Micro
    burn: RateMicroPerHour
    metering_hold: Micro
    running: int

    @property
    def available(self) -> Micro:
        """What may be set aside for a launch; below zero while there is more debt than credit."""
        return Micro(self.credit + self.promotions - self.debt)

    @property
    def total(self) -> Micro:
        """Everything, holds included."""
        return Micro(self.available + self.held)


OPEN_TENANT = text("""
    INSERT INTO billing.ledger_accounts (tenant_id, kind, currency, created_at)
    SELECT :tenant_id, unnest(CAST(:kinds AS text[])), :currency, :now
    ON CONFLICT DO NOTHING
""")
OPEN_HOUSE = text("""
    INSERT INTO billing.ledger_accounts (tenant_id, kind, currency, created_at)
    SELECT NULL, k, :currency, :now FROM unnest(CAST(:kinds AS text[])) k
    WHERE NOT EXISTS (SELECT FROM billing.ledger_accounts a
                      WHERE a.tenant_id IS NULL AND a.kind = k AND a.currency = :currency)
    ON CONFLICT DO NOTHING
""")
CURRENCY = text("""
    SELECT currency FROM billing.ledger_accounts WHERE tenant_id = :tenant_id AND kind = 'customer_credit'
""")
LOCK = text("""
    SELECT currency FROM billing.ledger_accounts
    WHERE tenant_id = :tenant_id AND kind = 'customer_credit' FOR UPDATE
""")
RUNNING = text("""
    SELECT a.tenant_id FROM billing.ledger_accounts a
    WHERE a.kind = 'customer_credit' AND (CAST(:after AS uuid) IS NULL OR a.tenant_id > :after)
      AND EXISTS (SELECT FROM billing.metered_allocations m
                  WHERE m.tenant_id = a.tenant_id AND m.metered_from IS NOT NULL AND m.ended_at IS NULL)
    ORDER BY a.tenant_id LIMIT :batch
""")
LOCK_FREE = text("""
    SELECT tenant_id FROM billing.ledger_accounts WHERE kind = 'customer_credit' AND tenant_id = ANY(:tenants)
    ORDER BY tenant_id FOR UPDATE SKIP LOCKED
""")
FUNDS = text("""
    SELECT a.tenant_id, a.currency, a.credit, a.promotions, a.held, a.debt,
           coalesce(m.burn, 0)::bigint AS burn, coalesce(m.hold, 0)::bigint AS metering_hold, m.running
    FROM (
        SELECT b.tenant_id, min(b.currency) AS currency,
               sum(b.balance) FILTER (WHERE b.kind = 'customer_credit')::bigint AS credit,
               sum(b.balance) FILTER (WHERE b.kind = 'customer_promotions')::bigint AS promotions,
               sum(b.balance) FILTER (WHERE b.kind = 'customer_held')::bigint AS held,
               coalesce(-sum(b.balance) FILTER (WHERE b.kind = 'customer_debt'), 0)::bigint AS debt
        FROM billing.balances b WHERE b.tenant_id IN :tenants GROUP BY b.tenant_id
    ) a
    LEFT JOIN LATERAL (
        SELECT sum(m.rate) AS burn, sum(h.hold) AS hold, count(*) AS running
        FROM billing.metered_allocations m
        LEFT JOIN LATERAL (
            SELECT sum(e.amount) AS hold FROM billing.ledger_entries e WHERE e.hold_id = m.allocation_id
        ) h ON true
        WHERE m.tenant_id = a.tenant_id AND m.metered_from IS NOT NULL AND m.ended_at IS NULL
    ) m ON true
""").bindparams(bindparam("tenants", expanding=True))
NEXT_VERSION = text("SELECT nextval('billing.account_versions')")


async def open_accounts(session: AsyncSession, tenant_id: UUID, currency: str, now: datetime) -> None:
    """Make sure that the tenant and the house have their accounts in `currency`."""
    await session.execute(OPEN_HOUSE, {"kinds": list(HOUSE_KINDS), "currency": currency, "now": now})
    await session.execute(
        OPEN_TENANT, {"tenant_id": tenant_id, "kinds": list(TENANT_KINDS), "currency": currency, "now": now}
    )


async def find_currency(session: AsyncSession, tenant_id: UUID) -> str | None:
    """The tenant's currency, None without accounts."""
    return cast(str | None, await session.scalar(CURRENCY, {"tenant_id": tenant_id}))


async def lock_tenant(session: AsyncSession, tenant_id: UUID) -> str | None:
    """Take the tenant's lock until the end of the transaction. Returns the currency, None without accounts."""
    return cast(str | None, await session.scalar(LOCK, {"tenant_id": tenant_id}))


async def running_tenants(session: AsyncSession, after: UUID | None, batch: int) -> list[UUID]:
    """The next tenants with running meters, in order of their ids."""
    rows = await session.execute(RUNNING, {"after": after, "batch": batch})
    return [row.tenant_id for row in rows]


async def lock_free_tenants(session: AsyncSession, tenant_ids: Sequence[UUID]) -> list[UUID]:
    """Of these those that nobody else has locked, locked."""
    rows = await session.execute(LOCK_FREE, {"tenants": list(tenant_ids)})
    return [row.tenant_id for row in rows]


async def funds_of(session: AsyncSession, tenant_ids: Sequence[UUID]) -> dict[UUID, Funds]:
    """The money of several tenants, in one statement."""
    if not tenant_ids:
        return {}
    rows = await session.execute(FUNDS, {"tenants": list(tenant_ids)})
    return {row.tenant_id: msgspec.convert(dict(row._mapping), Funds) for row in rows}


def no_funds(tenant_id: UUID, currency: str) -> Funds:
    """A tenant without accounts has nothing and burns nothing."""
    nothing = Micro(0)
    return Funds(
        tenant_id=tenant_id,
        currency=currency,
        credit=nothing,
        promotions=nothing,
        held=nothing,
        debt=nothing,
        burn=RateMicroPerHour(0),
        metering_hold=nothing,
        running=0,
    )


async def next_version(session: AsyncSession) -> int:
    """The version of the tenant's next event; rises per tenant because it is drawn under the tenant's lock."""
    return int(await session.scalar(NEXT_VERSION) or 0)
