"""SQL about refunds, and what operators see of payments and webhooks."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.payments.contracts import (
    InboxMessage,
    OperatorPayment,
    PaymentSearch,
    RefundStatus,
    RefundView,
)
from app.shared.authz import PlatformScope, TenantScope
from app.shared.money import Micro

COLUMNS = """
    SELECT id, payment_id, tenant_id, amount, currency, status, reason, requested_by, stripe_refund_id, problem,
           version, created_at, approved_at, settled_at, origin
    FROM payments.refunds
"""
ADD = text("""
    INSERT INTO payments.refunds (id, payment_id, tenant_id, amount, currency, status, reason, requested_by, created_at,
                                  updated_at)
    VALUES (:id, :payment_id, :tenant_id, :amount, :currency, 'requested', :reason, :requested_by, :now, :now)
""")
ADD_OUTSIDE = text("""
    INSERT INTO payments.refunds (id, payment_id, tenant_id, amount, currency, status, reason, stripe_refund_id,
                                  problem, created_at, updated_at, approved_at, settled_at, origin)
    VALUES (:id, :payment_id, :tenant_id, :amount, :currency, :status, :reason, :stripe_refund_id, :problem, :now,
            :now, :now, :settled_at, 'stripe')
""")
FIND = text(COLUMNS + " WHERE id = :id")
LOCK = text(COLUMNS + " WHERE id = :id FOR UPDATE")
BY_STRIPE = text("SELECT id FROM payments.refunds WHERE stripe_refund_id = :stripe_refund_id")
OF_PAYMENTS = text(COLUMNS + " WHERE payment_id = ANY(:payment_ids) ORDER BY id DESC LIMIT 500")
OF_TENANT = text(COLUMNS + " WHERE tenant_id = :tenant_id AND status <> 'rejected' ORDER BY id DESC LIMIT 50")
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
TOUCH = text("UPDATE payments.refunds SET updated_at = :now WHERE id = :id")
WAITING = text("""
    SELECT id FROM payments.refunds
    WHERE status IN ('approved', 'sent') AND updated_at < CAST(:now AS timestamptz) - make_interval(secs => :after)
    ORDER BY updated_at LIMIT :limit
""")
PAYMENTS = """
    SELECT p.id, p.tenant_id, p.user_id, p.amount, p.currency, p.status, p.stripe_session_id, p.payment_intent_id,
           p.problem, p.version, p.created_at, p.paid_at, r.refunded, r.reserved
    FROM payments.payment_sessions p
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount) FILTER (WHERE status IN ('approved', 'sent', 'succeeded')), 0)::bigint AS refunded,
               coalesce(sum(amount) FILTER (WHERE status = 'requested'), 0)::bigint AS reserved
        FROM payments.refunds WHERE payment_id = p.id) r
"""
PAGE_PAYMENTS = text(
    PAYMENTS
    + """
    WHERE (CAST(:status AS text) IS NULL OR p.status = :status)
      AND (CAST(:tenant_id AS uuid) IS NULL OR p.tenant_id = :tenant_id)
      AND (CAST(:word AS text) IS NULL OR p.id::text = :word OR p.stripe_session_id = :word
           OR p.payment_intent_id = :word OR p.tenant_id::text = :word)
      AND (CAST(:before AS uuid) IS NULL OR p.id < :before)
    ORDER BY p.id DESC LIMIT :limit
"""
)
ONE_PAYMENT = text(PAYMENTS + " WHERE p.id = :id")
MESSAGES = """
    SELECT id, event_id, type, body, received_at, processed_at, outcome, error FROM payments.payment_events
"""
PAGE_MESSAGES = text(
    MESSAGES
    + """
    WHERE (NOT :troubled OR error IS NOT NULL OR processed_at IS NULL)
      AND (CAST(:type AS text) IS NULL OR type = :type)
      AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
"""
)
ONE_MESSAGE = text(MESSAGES + " WHERE id = :id")
REOPEN = text("""
    UPDATE payments.payment_events SET processed_at = NULL, outcome = NULL, error = NULL WHERE id = :id
""")


class Sums(msgspec.Struct, frozen=True):
    """Of one payment: what went back or is on its way, and what waits for approval."""

    refunded: Micro
    reserved: Micro


async def add_refund(session: AsyncSession, refund: RefundView, now: datetime) -> None:
    """Record what somebody asks for."""
    names = ("id", "payment_id", "tenant_id", "amount", "currency", "reason", "requested_by")
    await session.execute(ADD, {**{name: getattr(refund, name) for name in names}, "now": now})


async def add_outside(session: AsyncSession, refund: RefundView, now: datetime) -> None:
    """Record a refund that was made at Stripe itself."""
    names = ("id", "payment_id", "tenant_id", "amount", "currency", "status", "reason", "stripe_refund_id", "problem",
             "settled_at")  # fmt: skip
    await session.execute(ADD_OUTSIDE, {**{name: getattr(refund, name) for name in names}, "now": now})


async def find_refund(session: AsyncSession, refund_id: UUID) -> RefundView | None:
    """Any refund: for our own workers, and for those who have shown their platform permission."""
    return await _one(session, FIND, id=refund_id)


async def lock_refund(session: AsyncSession, refund_id: UUID) -> RefundView | None:
    """The same, locked until the end of the transaction."""
    return await _one(session, LOCK, id=refund_id)


async def find_id_by_stripe(session: AsyncSession, stripe_refund_id: str) -> UUID | None:
    """The refund that Stripe calls so."""
    found: UUID | None = await session.scalar(BY_STRIPE, {"stripe_refund_id": stripe_refund_id})
    return found


async def sums_of(session: AsyncSession, payment_id: UUID) -> Sums:
    """What of a payment is gone or asked for. Exact while the payment's row is locked."""
    row = (await session.execute(SUMS, {"payment_id": payment_id})).one()
    return Sums(Micro(row.refunded), Micro(row.reserved))


async def set_refund(
    session: AsyncSession,
    refund_id: UUID,
    status: RefundStatus,
    now: datetime,
    *,
    stripe_refund_id: str | None = None,
    problem: str | None = None,
) -> int:
    """Move a refund on. Returns its new version."""
    place = {"id": refund_id, "status": status, "now": now, "stripe_refund_id": stripe_refund_id}
    return int(await session.scalar(SET, {**place, "problem": problem}) or 0)


async def set_checked(session: AsyncSession, refund_id: UUID, now: datetime) -> None:
    """Stripe was asked and had no news."""
    await session.execute(TOUCH, {"id": refund_id, "now": now})


async def list_waiting(session: AsyncSession, now: datetime, after_seconds: int, limit: int) -> list[UUID]:
    """Refunds whose news is overdue, the oldest first."""
    rows = await session.execute(WAITING, {"now": now, "after": after_seconds, "limit": limit})
    return [row.id for row in rows]


async def list_of_payments(
    session: AsyncSession, scope: PlatformScope, payment_ids: Sequence[UUID]
) -> list[RefundView]:
    """Refunds of these payments, newest first."""
    return await _many(session, OF_PAYMENTS, payment_ids=list(payment_ids))


async def list_of_tenant(session: AsyncSession, scope: TenantScope) -> list[RefundView]:
    """The tenant's own refunds, newest first."""
    return await _many(session, OF_TENANT, tenant_id=scope.tenant_id)


async def page_refunds(
    session: AsyncSession, scope: PlatformScope, status: RefundStatus | None, before: UUID | None, limit: int
) -> list[RefundView]:
    """Everybody's refunds, newest first."""
    return await _many(session, PAGE, status=status, before=before, limit=limit)


async def page_payments(
    session: AsyncSession, scope: PlatformScope, wanted: PaymentSearch, before: UUID | None, limit: int
) -> list[OperatorPayment]:
    """Everybody's payments, newest first."""
    place = {"status": wanted.status, "tenant_id": wanted.tenant_id, "word": wanted.word}
    rows = await session.execute(PAGE_PAYMENTS, {**place, "before": before, "limit": limit})
    return [msgspec.convert(dict(row._mapping), OperatorPayment) for row in rows]


async def find_payment(session: AsyncSession, scope: PlatformScope, payment_id: UUID) -> OperatorPayment | None:
    """Anybody's payment."""
    row = (await session.execute(ONE_PAYMENT, {"id": payment_id})).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), OperatorPayment)


async def page_messages(
    session: AsyncSession, scope: PlatformScope, kind: str | None, troubled: bool, before: UUID | None, limit: int
) -> list[InboxMessage]:
    """Webhooks, newest first; `troubled` are those that wait or went wrong."""
    place = {"type": kind, "troubled": troubled, "before": before, "limit": limit}
    return [msgspec.convert(dict(row._mapping), InboxMessage) for row in await session.execute(PAGE_MESSAGES, place)]


async def find_message(session: AsyncSession, scope: PlatformScope, message_id: UUID) -> InboxMessage | None:
    """One webhook."""
    row = (await session.execute(ONE_MESSAGE, {"id": message_id})).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), InboxMessage)


async def reopen_message(session: AsyncSession, message_id: UUID) -> None:
    """Let a webhook be worked off once more."""
    await session.execute(REOPEN, {"id": message_id})


async def _one(session: AsyncSession, statement: object, **place: object) -> RefundView | None:
    row = (await session.execute(statement, place)).one_or_none()  # type: ignore[call-overload]
    return None if row is None else msgspec.convert(dict(row._mapping), RefundView)


async def _many(session: AsyncSession, statement: object, **place: object) -> list[RefundView]:
    rows = await session.execute(statement, place)  # type: ignore[call-overload]
    return [msgspec.convert(dict(row._mapping), RefundView) for row in rows]
