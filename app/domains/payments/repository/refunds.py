"""Refunds: requested here, or made at Stripe."""

from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.payments.contracts import RefundStatus, RefundView
from app.shared.authz import PlatformScope, TenantScope
from app.shared.db.repository import Repository
from app.shared.money import Micro

COLUMNS = """
    SELECT id, payment_id, tenant_id, amount, currency, status, reason, requested_by, stripe_refund_id, problem,
           version, created_at, approved_at, settled_at, origin
    FROM payments.refunds
"""
APPEND = text("""
    INSERT INTO payments.refunds (id, payment_id, tenant_id, amount, currency, status, reason, requested_by, created_at,
                                  updated_at)
    VALUES (:id, :payment_id, :tenant_id, :amount, :currency, 'requested', :reason, :requested_by, :now, :now)
""")
APPEND_FROM_STRIPE = text("""
    INSERT INTO payments.refunds (id, payment_id, tenant_id, amount, currency, status, reason, stripe_refund_id,
                                  problem, created_at, updated_at, approved_at, settled_at, origin)
    VALUES (:id, :payment_id, :tenant_id, :amount, :currency, :status, :reason, :stripe_refund_id, :problem, :now,
            :now, :now, :settled_at, 'stripe')
""")
FIND = text(COLUMNS + " WHERE id = :id")
LOCK = text(COLUMNS + " WHERE id = :id FOR UPDATE")
ID_BY_STRIPE = text("SELECT id FROM payments.refunds WHERE stripe_refund_id = :stripe_refund_id")
LIST_OF_PAYMENT = text(COLUMNS + " WHERE payment_id = :payment_id ORDER BY id DESC LIMIT 500")
LIST_OF_TENANT = text(COLUMNS + " WHERE tenant_id = :tenant_id AND status <> 'rejected' ORDER BY id DESC LIMIT 50")
PAGE = text(
    COLUMNS
    + """
    WHERE (CAST(:status AS text) IS NULL OR status = :status)
      AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
"""
)
SUMS = text("""
    SELECT coalesce(sum(amount) FILTER (WHERE status IN ('approved', 'sent', 'succeeded')), 0)::bigint AS refunded,
           coalesce(sum(amount) FILTER (WHERE status = 'requested'), 0)::bigint AS reserved
    FROM payments.refunds WHERE payment_id = :payment_id
""")
SET = text("""
    UPDATE payments.refunds
    SET status = :status, stripe_refund_id = coalesce(:stripe_refund_id, stripe_refund_id),
        problem = coalesce(:problem, problem), updated_at = :now, version = version + 1,
        approved_at = CASE WHEN :status = 'approved' THEN :now ELSE approved_at END,
        settled_at = CASE WHEN :status IN ('rejected', 'succeeded', 'failed') THEN :now ELSE settled_at END
    WHERE id = :id RETURNING version
""")
CHECKED = text("UPDATE payments.refunds SET updated_at = :now WHERE id = :id")
LIST_OVERDUE = text("""
    SELECT id FROM payments.refunds
    WHERE status IN ('approved', 'sent') AND updated_at < CAST(:now AS timestamptz) - make_interval(secs => :after)
    ORDER BY updated_at LIMIT :limit
""")


class RefundSums(msgspec.Struct, frozen=True):
    """The refunds of one payment: made or on their way, and waiting for approval."""

    refunded: Micro
    reserved: Micro


class RefundRepository(Repository):
    """Refunds. A method without a scope serves workers and callers that checked a platform permission."""

    async def append(self, refund: RefundView, now: datetime) -> None:
        """Record a requested refund."""
        await self._session.execute(APPEND, {**msgspec.structs.asdict(refund), "now": now})

    async def append_from_stripe(self, refund: RefundView, now: datetime) -> None:
        """Record a refund that was made at Stripe."""
        await self._session.execute(APPEND_FROM_STRIPE, {**msgspec.structs.asdict(refund), "now": now})

    async def find(self, refund_id: UUID) -> RefundView | None:
        """Any refund."""
        return await self._find_view(RefundView, FIND, id=refund_id)

    async def lock(self, refund_id: UUID) -> RefundView | None:
        """Any refund, locked until the transaction ends."""
        return await self._find_view(RefundView, LOCK, id=refund_id)

    async def find_id_by_stripe(self, stripe_refund_id: str) -> UUID | None:
        """The refund with that id at Stripe."""
        return cast(UUID | None, await self._session.scalar(ID_BY_STRIPE, {"stripe_refund_id": stripe_refund_id}))

    async def get_sums(self, payment_id: UUID) -> RefundSums:
        """The sums of a payment's refunds. Exact while the payment is locked."""
        row = (await self._session.execute(SUMS, {"payment_id": payment_id})).one()
        return RefundSums(Micro(row.refunded), Micro(row.reserved))

    async def set_status(
        self,
        refund_id: UUID,
        status: RefundStatus,
        now: datetime,
        *,
        stripe_refund_id: str | None = None,
        problem: str | None = None,
    ) -> int:
        """Move a refund to `status`. Returns its new version."""
        parameters = {
            "id": refund_id,
            "status": status,
            "now": now,
            "stripe_refund_id": stripe_refund_id,
            "problem": problem,
        }
        return int(await self._session.scalar(SET, parameters) or 0)

    async def set_checked(self, refund_id: UUID, now: datetime) -> None:
        """Record that Stripe was asked and had no news."""
        await self._session.execute(CHECKED, {"id": refund_id, "now": now})

    async def list_overdue(self, now: datetime, after_seconds: int, limit: int) -> list[UUID]:
        """Refunds whose news is overdue, oldest first."""
        rows = await self._session.execute(LIST_OVERDUE, {"now": now, "after": after_seconds, "limit": limit})
        return [row.id for row in rows]

    async def list_of_payment(self, scope: PlatformScope, payment_id: UUID) -> list[RefundView]:
        """The refunds of a payment, newest first."""
        return await self._list_views(RefundView, LIST_OF_PAYMENT, payment_id=payment_id)

    async def list_of_tenant(self, scope: TenantScope) -> list[RefundView]:
        """The tenant's refunds that were not rejected, newest first."""
        return await self._list_views(RefundView, LIST_OF_TENANT, tenant_id=scope.tenant_id)

    async def page(
        self, scope: PlatformScope, status: RefundStatus | None, before: UUID | None, limit: int
    ) -> list[RefundView]:
        """Refunds of all tenants, newest first."""
        return await self._list_views(RefundView, PAGE, status=status, before=before, limit=limit)
