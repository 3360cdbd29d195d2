"""SQL about what one person gave or took without a second one: sums over a window, exact under their locks."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.admin.rules.values import ValueAct
from app.shared.money import Micro

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('alone:' || :name, 0))")
ADD = text("""
    INSERT INTO admin.value_acts (subject_id, kind, tenant_id, payment_id, amount, requested_by, asked_at, decision)
    VALUES (:subject_id, :kind, :tenant_id, :payment_id, :amount, :requested_by, :now, :decision)
""")
DECIDE = text("UPDATE admin.value_acts SET decision = :decision WHERE subject_id = :id AND decision = 'pending'")
# What was done alone counts, and what is asked for does too: otherwise a large request and small acts beside it add up.
SUMS = text("""
    SELECT coalesce(sum(abs(amount)) FILTER (WHERE requested_by = ANY(:people)), 0)::bigint AS person,
           coalesce(sum(abs(amount)) FILTER (WHERE tenant_id = CAST(:tenant_id AS uuid)), 0)::bigint AS tenant,
           coalesce(sum(abs(amount)) FILTER (WHERE payment_id = CAST(:payment_id AS uuid)), 0)::bigint AS payment
    FROM admin.value_acts
    WHERE asked_at > :since AND decision IN ('alone', 'pending') AND sign(amount) = :direction
      AND (requested_by = ANY(:people) OR tenant_id = CAST(:tenant_id AS uuid))
""")


class AloneSums(msgspec.Struct, frozen=True):
    """By the person, for the organisation (by anybody), of the payment (by anybody); in one direction."""

    person: Micro
    tenant: Micro
    payment: Micro


async def lock_sums(session: AsyncSession, people: Iterable[UUID], tenant_id: UUID) -> None:
    """Let nobody else add to the sums of this person or organisation until the transaction ends. The order is always
    the person, then the organisation."""
    await session.execute(LOCK, {"name": f"person:{min(people)}"})
    await session.execute(LOCK, {"name": f"tenant:{tenant_id}"})


async def sums(
    session: AsyncSession, people: Iterable[UUID], tenant_id: UUID | None, payment_id: UUID | None, direction: int,
    since: datetime,
) -> AloneSums:  # fmt: skip
    """What counts against the limit."""
    position = {"people": list(people), "tenant_id": tenant_id, "payment_id": payment_id}
    row = (await session.execute(SUMS, {**position, "direction": direction, "since": since})).one()
    return AloneSums(Micro(row.person), Micro(row.tenant), Micro(row.payment))


async def add_act(session: AsyncSession, act: ValueAct, decision: str, now: datetime) -> None:
    """Remember what somebody gives or takes: `alone`, or `pending` for a second person."""
    await session.execute(ADD, {**msgspec.structs.asdict(act), "decision": decision, "now": now})


async def decide_act(session: AsyncSession, subject_id: UUID, decision: str) -> None:
    """A second person approved or rejected it: it no longer counts as done alone."""
    await session.execute(DECIDE, {"id": subject_id, "decision": decision})
