"""Disputes: payments that a cardholder disputes at their bank."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.shared.db.repository import Repository
from app.shared.money import Micro


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """One dispute. `is_taken` while the bank has the money; `moves` counts how often the money moved; `reported_at` is
    the time of the last report in Unix seconds."""

    id: UUID
    payment_id: UUID
    tenant_id: UUID
    stripe_dispute_id: str
    amount: Micro
    currency: str
    status: str
    reason: str
    reported_at: int
    is_taken: bool
    moves: int


LOCK = text("""
    SELECT id, payment_id, tenant_id, stripe_dispute_id, amount, currency, status, reason, told_at AS reported_at,
           is_taken, moves
    FROM payments.disputes WHERE stripe_dispute_id = :stripe_dispute_id FOR UPDATE
""")
APPEND = text("""
    INSERT INTO payments.disputes (id, payment_id, tenant_id, stripe_dispute_id, amount, currency, status, reason,
                                   told_at, created_at, updated_at)
    VALUES (:id, :payment_id, :tenant_id, :stripe_dispute_id, :amount, :currency, :status, :reason,
            :reported_at, :now, :now)
""")
UPDATE = text("""
    UPDATE payments.disputes SET status = :status, told_at = :reported_at, is_taken = :is_taken, moves = :moves,
                                 updated_at = :now
    WHERE id = :id
""")
WITHDRAWN = text("""
    SELECT coalesce(sum(amount), 0)::bigint FROM payments.disputes WHERE payment_id = :payment_id AND is_taken
""")


class DisputeRepository(Repository):
    """Disputes, for the workers."""

    async def lock(self, stripe_dispute_id: str) -> Dispute | None:
        """The dispute with that id at Stripe, locked until the transaction ends."""
        return await self._find_view(Dispute, LOCK, stripe_dispute_id=stripe_dispute_id)

    async def append(self, dispute: Dispute, now: datetime) -> None:
        """Record a new dispute. No money has moved yet."""
        await self._session.execute(APPEND, {**msgspec.structs.asdict(dispute), "now": now})

    async def update(self, dispute: Dispute, now: datetime) -> None:
        """Record its status and where the money is."""
        await self._session.execute(UPDATE, {**msgspec.structs.asdict(dispute), "now": now})

    async def get_withdrawn(self, payment_id: UUID) -> Micro:
        """How much of a payment is with the bank now."""
        return Micro(await self._session.scalar(WITHDRAWN, {"payment_id": payment_id}) or 0)
