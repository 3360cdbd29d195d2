"""Accounts, the lock of a tenant, balances and warning levels.

The row of a tenant's credit account is the tenant's lock. Whoever writes entries of a tenant holds it, so the entries
of an account commit in the order of their ids and a checkpoint never misses a late one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.billing.contracts import Level
from app.shared.db.repository import Repository
from app.shared.ids import new_id
from app.shared.money import Micro, RateMicroPerHour

TENANT_KINDS = ("customer_credit", "customer_promotions", "customer_held", "customer_debt")
HOUSE_KINDS = ("revenue", "payment_clearing", "promotions_expense", "refunds", "write_off", "disputes")


class Funds(msgspec.Struct, frozen=True, kw_only=True):
    """The money of a tenant as one statement read it. `metering_hold` is the part of `held` that running machines may
    spend; `debt` is owed after credit that was already spent had been withdrawn, as a positive number."""

    tenant_id: UUID
    currency: str
    credit: Micro = Micro(0)
    promotions: Micro = Micro(0)
    held: Micro = Micro(0)
    debt: Micro = Micro(0)
    burn: RateMicroPerHour = RateMicroPerHour(0)
    metering_hold: Micro = Micro(0)
    running: int = 0

    @property
    def available(self) -> Micro:
        """What a launch may hold. Negative while the debt exceeds the credit."""
        return Micro(self.credit + self.promotions - self.debt)

    @property
    def total(self) -> Micro:
        """All money of the tenant, holds included."""
        return Micro(self.available + self.held)

    @property
    def spendable(self) -> Micro:
        """What may still pay for machines that run now."""
        return Micro(max(0, self.available + max(0, self.metering_hold)))


class Standing(Funds, frozen=True, kw_only=True):
    """The money of a tenant with its last recorded warning level and the version of its next event."""

    level: Level
    version: int


APPEND_TENANT_ACCOUNTS = text("""
    INSERT INTO billing.ledger_accounts (tenant_id, kind, currency, created_at)
    SELECT :tenant_id, unnest(CAST(:kinds AS text[])), :currency, :now
    ON CONFLICT DO NOTHING
""")
APPEND_HOUSE_ACCOUNTS = text("""
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
    ORDER BY a.tenant_id LIMIT :limit
""")
LOCK_AVAILABLE = text("""
    SELECT tenant_id FROM billing.ledger_accounts WHERE kind = 'customer_credit' AND tenant_id = ANY(:tenants)
    ORDER BY tenant_id FOR UPDATE SKIP LOCKED
""")
FUNDS = text("""
    SELECT tenant_id, currency, credit, promotions, held, debt, burn, metering_hold, running
    FROM billing.funds WHERE tenant_id = ANY(:tenants)
""")
STANDINGS = text("""
    SELECT f.tenant_id, f.currency, f.credit, f.promotions, f.held, f.debt, f.burn, f.metering_hold, f.running,
           coalesce(last.level, 'fine') AS level, nextval('billing.account_versions') AS version
    FROM billing.funds f
    LEFT JOIN LATERAL (SELECT e.level FROM billing.low_balance_events e WHERE e.tenant_id = f.tenant_id
                       ORDER BY e.id DESC LIMIT 1) last ON true
    WHERE f.tenant_id = ANY(:tenants)
""")
APPEND_LEVEL = text("""
    INSERT INTO billing.low_balance_events (id, tenant_id, level, runway_seconds, funds, burn, occurred_at)
    VALUES (:id, :tenant_id, :level, :runway_seconds, :funds, :burn, :now)
""")
NEXT_VERSION = text("SELECT nextval('billing.account_versions')")


class AccountRepository(Repository):
    """Accounts of tenants and of the house, and what is read from them."""

    async def append_accounts(self, tenant_id: UUID, currency: str, now: datetime) -> None:
        """Make sure that the tenant and the house have accounts in `currency`."""
        tenant = {"tenant_id": tenant_id, "kinds": list(TENANT_KINDS), "currency": currency, "now": now}
        await self._session.execute(APPEND_HOUSE_ACCOUNTS, {**tenant, "kinds": list(HOUSE_KINDS)})
        await self._session.execute(APPEND_TENANT_ACCOUNTS, tenant)

    async def find_currency(self, tenant_id: UUID) -> str | None:
        """The currency of the tenant; None before it has accounts."""
        return cast(str | None, await self._session.scalar(CURRENCY, {"tenant_id": tenant_id}))

    async def lock_tenant(self, tenant_id: UUID) -> str | None:
        """Take the tenant's lock until the end of the transaction. Returns the currency; None before it has
        accounts."""
        return cast(str | None, await self._session.scalar(LOCK, {"tenant_id": tenant_id}))

    async def lock_available(self, tenant_ids: Sequence[UUID]) -> list[UUID]:
        """Lock those of the tenants that nobody else has locked, and return them."""
        rows = await self._session.execute(LOCK_AVAILABLE, {"tenants": list(tenant_ids)})
        return [row.tenant_id for row in rows]

    async def list_running(self, after: UUID | None, limit: int) -> list[UUID]:
        """The next tenants with running meters, in the order of their ids."""
        rows = await self._session.execute(RUNNING, {"after": after, "limit": limit})
        return [row.tenant_id for row in rows]

    async def list_funds(self, tenant_ids: Sequence[UUID]) -> dict[UUID, Funds]:
        """The money of several tenants by tenant, in one statement."""
        if not tenant_ids:
            return {}
        rows = await self._list_views(Funds, FUNDS, tenants=list(tenant_ids))
        return {funds.tenant_id: funds for funds in rows}

    async def list_standings(self, tenant_ids: Sequence[UUID]) -> list[Standing]:
        """What an event about each tenant says, in one statement. The caller holds the locks: the versions rise."""
        return await self._list_views(Standing, STANDINGS, tenants=list(tenant_ids)) if tenant_ids else []

    async def append_level(self, funds: Funds, level: Level, runway: int | None, now: datetime) -> None:
        """Record that the tenant reached `level`."""
        parameters = {
            "id": new_id(),
            "tenant_id": funds.tenant_id,
            "level": level,
            "runway_seconds": runway,
            "funds": funds.credit + funds.promotions + funds.metering_hold,
            "burn": funds.burn,
            "now": now,
        }
        await self._session.execute(APPEND_LEVEL, parameters)

    async def next_version(self) -> int:
        """The version of the tenant's next event. It rises per tenant because it is drawn under the tenant's lock."""
        return int(await self._session.scalar(NEXT_VERSION) or 0)
