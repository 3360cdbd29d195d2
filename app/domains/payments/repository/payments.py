"""Payments, from the intent to the money. What a tenant sees demands its scope."""

from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.payments.contracts import OperatorPayment, PaymentSearch, PaymentStatus
from app.shared.authz import PlatformScope, TenantScope
from app.shared.db.repository import Repository
from app.shared.money import Micro


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One payment. `checkout_url` is where to pay; `problem` is the code of what went wrong last."""

    id: UUID
    tenant_id: UUID
    project_id: UUID | None
    amount: Micro
    currency: str
    status: PaymentStatus
    stripe_session_id: str | None
    payment_intent_id: str | None
    checkout_url: str | None
    problem: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    paid_at: datetime | None


class NewPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment to record."""

    id: UUID
    tenant_id: UUID
    project_id: UUID | None
    user_id: UUID | None
    amount: Micro
    currency: str


COLUMNS = """
    SELECT id, tenant_id, project_id, amount, currency, status, stripe_session_id, payment_intent_id, checkout_url,
           problem, version, created_at, updated_at, paid_at
    FROM payments.payment_sessions
"""
APPEND = text("""
    INSERT INTO payments.payment_sessions (id, tenant_id, project_id, user_id, amount, currency, status, created_at,
                                           updated_at)
    VALUES (:id, :tenant_id, :project_id, :user_id, :amount, :currency, 'created', :now, :now)
""")
FIND_OWN = text(COLUMNS + " WHERE tenant_id = :tenant_id AND id = :id")
FIND = text(COLUMNS + " WHERE id = :id")
LOCK = text(COLUMNS + " WHERE id = :id FOR UPDATE")
LIST_SINCE = text(COLUMNS + " WHERE created_at >= :since ORDER BY id")
ID_BY_SESSION = text("SELECT id FROM payments.payment_sessions WHERE stripe_session_id = :session_id")
ID_BY_INTENT = text("SELECT id FROM payments.payment_sessions WHERE payment_intent_id = :intent_id")
OPENED = text("""
    UPDATE payments.payment_sessions
    SET status = CASE WHEN status = 'created' THEN 'open' ELSE status END, stripe_session_id = :session_id,
        checkout_url = :url, version = version + 1, updated_at = :now
    WHERE id = :id AND stripe_session_id IS NULL
""")
PAID = text("""
    UPDATE payments.payment_sessions
    SET status = 'paid', paid_at = :now, updated_at = :now, problem = NULL, version = version + 1,
        payment_intent_id = :payment_intent_id, stripe_session_id = coalesce(stripe_session_id, :session_id)
    WHERE id = :id AND status <> 'paid' RETURNING version
""")
CLOSED = text("""
    UPDATE payments.payment_sessions SET status = :status, updated_at = :now, version = version + 1
    WHERE id = :id AND status IN ('created', 'open')
""")
PROBLEM = text("""
    UPDATE payments.payment_sessions SET problem = :problem, updated_at = :now, version = version + 1
    WHERE id = :id AND status <> 'paid' RETURNING version
""")
CHECKED = text("UPDATE payments.payment_sessions SET updated_at = :now WHERE id = :id")
# The older a payment is, the less often it is looked up: after a quarter of its age.
LIST_OVERDUE = text(
    COLUMNS
    + """
    WHERE status IN ('created', 'open')
      AND created_at < CAST(:now AS timestamptz) - make_interval(secs => :after)
      AND updated_at < CAST(:now AS timestamptz) - greatest(interval '50 s', (:now - created_at) / 4)
    ORDER BY created_at LIMIT :limit
"""
)
OPERATOR_COLUMNS = """
    SELECT p.id, p.tenant_id, p.user_id, p.amount, p.currency, p.status, p.stripe_session_id, p.payment_intent_id,
           p.problem, p.version, p.created_at, p.paid_at, r.refunded, r.reserved
    FROM payments.payment_sessions p
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount) FILTER (WHERE status IN ('approved', 'sent', 'succeeded')), 0)::bigint AS refunded,
               coalesce(sum(amount) FILTER (WHERE status = 'requested'), 0)::bigint AS reserved
        FROM payments.refunds WHERE payment_id = p.id) r
"""
PAGE = text(
    OPERATOR_COLUMNS
    + """
    WHERE (CAST(:status AS text) IS NULL OR p.status = :status)
      AND (CAST(:tenant_id AS uuid) IS NULL OR p.tenant_id = :tenant_id)
      AND (CAST(:identifier AS text) IS NULL OR p.id::text = :identifier OR p.stripe_session_id = :identifier
           OR p.payment_intent_id = :identifier OR p.tenant_id::text = :identifier)
      AND (CAST(:before AS uuid) IS NULL OR p.id < :before)
    ORDER BY p.id DESC LIMIT :limit
"""
)
FIND_FOR_OPERATOR = text(OPERATOR_COLUMNS + " WHERE p.id = :id")


class PaymentRepository(Repository):
    """Payments. A method without a scope serves the workers."""

    async def append(self, payment: NewPayment, now: datetime) -> None:
        """Record a payment before Stripe is called."""
        await self._session.execute(APPEND, {**msgspec.structs.asdict(payment), "now": now})

    async def find_own(self, scope: TenantScope, payment_id: UUID) -> Payment | None:
        """A payment of the tenant."""
        return await self._find_view(Payment, FIND_OWN, tenant_id=scope.tenant_id, id=payment_id)

    async def find(self, payment_id: UUID) -> Payment | None:
        """Any payment."""
        return await self._find_view(Payment, FIND, id=payment_id)

    async def lock(self, payment_id: UUID) -> Payment | None:
        """Any payment, locked until the transaction ends."""
        return await self._find_view(Payment, LOCK, id=payment_id)

    async def lock_by_intent(self, intent_id: str | None) -> Payment | None:
        """The payment that was paid with that payment intent, locked until the transaction ends."""
        payment_id = await self.find_id_by_intent(intent_id) if intent_id else None
        return None if payment_id is None else await self.lock(payment_id)

    async def find_id_by_session(self, session_id: str) -> UUID | None:
        """The payment of a Checkout session."""
        return cast(UUID | None, await self._session.scalar(ID_BY_SESSION, {"session_id": session_id}))

    async def find_id_by_intent(self, intent_id: str) -> UUID | None:
        """The payment that was paid with that payment intent."""
        return cast(UUID | None, await self._session.scalar(ID_BY_INTENT, {"intent_id": intent_id}))

    async def list_since(self, since: datetime) -> list[Payment]:
        """All payments of all tenants that were created since then."""
        return await self._list_views(Payment, LIST_SINCE, since=since)

    async def list_overdue(self, now: datetime, after_seconds: int, limit: int) -> list[Payment]:
        """Payments whose webhook is overdue, oldest first."""
        return await self._list_views(Payment, LIST_OVERDUE, now=now, after=after_seconds, limit=limit)

    async def page(
        self, scope: PlatformScope, search: PaymentSearch, before: UUID | None, limit: int
    ) -> list[OperatorPayment]:
        """Payments of all tenants, newest first."""
        return await self._list_views(
            OperatorPayment, PAGE, **msgspec.structs.asdict(search), before=before, limit=limit
        )

    async def find_for_operator(self, scope: PlatformScope, payment_id: UUID) -> OperatorPayment | None:
        """Any payment, with the sums of its refunds."""
        return await self._find_view(OperatorPayment, FIND_FOR_OPERATOR, id=payment_id)

    async def set_opened(self, payment_id: UUID, session_id: str, url: str | None, now: datetime) -> None:
        """Record the Checkout session. The first one recorded is kept."""
        await self._session.execute(OPENED, {"id": payment_id, "session_id": session_id, "url": url, "now": now})

    async def set_paid(self, payment_id: UUID, session_id: str, payment_intent_id: str | None, now: datetime) -> int:
        """Record that the money arrived. Returns the new version."""
        parameters = {"id": payment_id, "session_id": session_id, "payment_intent_id": payment_intent_id, "now": now}
        return int(await self._session.scalar(PAID, parameters) or 0)

    async def set_closed(self, payment_id: UUID, status: PaymentStatus, now: datetime) -> None:
        """Record that the payment expired or failed. A paid one stays paid."""
        await self._session.execute(CLOSED, {"id": payment_id, "status": status, "now": now})

    async def set_problem(self, payment_id: UUID, problem: str, now: datetime) -> int | None:
        """Record the code of a problem. Returns the new version; None when the payment is already paid."""
        parameters = {"id": payment_id, "problem": problem, "now": now}
        return cast(int | None, await self._session.scalar(PROBLEM, parameters))

    async def set_checked(self, payment_id: UUID, now: datetime) -> None:
        """Record that Stripe was asked and had no news."""
        await self._session.execute(CHECKED, {"id": payment_id, "now": now})
