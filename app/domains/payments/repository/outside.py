"""SQL about what happens at Stripe itself: disputes, and cases that a person decides."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.payments.contracts import Case, Dispute
from app.shared.authz import PlatformScope
from app.shared.ids import new_id

DISPUTES = """
    SELECT id, payment_id, tenant_id, stripe_dispute_id, amount, currency, status, reason, told_at, is_taken, moves
    FROM payments.disputes
"""
LOCK_DISPUTE = text(DISPUTES + " WHERE stripe_dispute_id = :stripe_id FOR UPDATE")
ADD_DISPUTE = text("""
    INSERT INTO payments.disputes (id, payment_id, tenant_id, stripe_dispute_id, amount, currency, status, reason,
                                   told_at, created_at, updated_at)
    VALUES (:id, :payment_id, :tenant_id, :stripe_dispute_id, :amount, :currency, :status, :reason,
            :told_at, :now, :now)
""")
MOVE_DISPUTE = text("""
    UPDATE payments.disputes SET status = :status, told_at = :told_at, is_taken = :is_taken, moves = :moves,
                                 updated_at = :now
    WHERE id = :id
""")
DISPUTED = text("""
    SELECT coalesce(sum(amount), 0)::bigint FROM payments.disputes WHERE payment_id = :payment_id AND is_taken
""")
CASES = """
    SELECT id, kind, subject, summary, payment_id, tenant_id, amount, currency, opened_at, decided_at, decided_by,
           decision
    FROM payments.cases
"""
OPEN_CASE = text("""
    INSERT INTO payments.cases (id, kind, subject, summary, payment_id, tenant_id, amount, currency, opened_at)
    VALUES (:id, :kind, :subject, :summary, :payment_id, :tenant_id, :amount, :currency, :now)
    ON CONFLICT ON CONSTRAINT cases_once DO NOTHING
""")
CLOSE_CASE = text("""
    UPDATE payments.cases SET decided_at = :now, decision = :decision
    WHERE kind = :kind AND subject = :subject AND decided_at IS NULL
""")
LOCK_CASE = text(CASES + " WHERE id = :id FOR UPDATE")
DECIDE_CASE = text("UPDATE payments.cases SET decided_at = :now, decided_by = :by, decision = :decision WHERE id = :id")
PAGE_CASES = text(
    CASES
    + """
    WHERE (NOT :only_open OR decided_at IS NULL) AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
"""
)
COUNT_OPEN = text("SELECT count(*) FROM payments.cases WHERE decided_at IS NULL")


async def lock_dispute(session: AsyncSession, stripe_id: str) -> Dispute | None:
    """A dispute by what Stripe calls it, locked until the end of the transaction."""
    row = (await session.execute(LOCK_DISPUTE, {"stripe_id": stripe_id})).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), Dispute)


async def add_dispute(session: AsyncSession, dispute: Dispute, now: datetime) -> None:
    """Remember a new one; nothing is taken yet."""
    await session.execute(ADD_DISPUTE, {**msgspec.structs.asdict(dispute), "now": now})


async def move_dispute(session: AsyncSession, dispute: Dispute, now: datetime) -> None:
    """Write where it stands and where the money is."""
    await session.execute(MOVE_DISPUTE, {**msgspec.structs.asdict(dispute), "now": now})


async def disputed(session: AsyncSession, payment_id: UUID) -> int:
    """What of a payment is with the bank now."""
    return int(await session.scalar(DISPUTED, {"payment_id": payment_id}) or 0)


async def open_case(session: AsyncSession, case: Case) -> bool:
    """Put it before the operators, once per kind and subject. False when it was there already."""
    names = ("kind", "subject", "summary", "payment_id", "tenant_id", "amount", "currency")
    place = {name: getattr(case, name) for name in names} | {"id": case.id, "now": case.opened_at}
    return bool((await session.execute(OPEN_CASE, place)).rowcount)  # type: ignore[attr-defined]  # result of DML


async def close_case(session: AsyncSession, kind: str, subject: str, decision: str, now: datetime) -> None:
    """It decided itself."""
    await session.execute(CLOSE_CASE, {"kind": kind, "subject": subject, "decision": decision, "now": now})


async def lock_case(session: AsyncSession, scope: PlatformScope, case_id: UUID) -> Case | None:
    """One case, locked until the end of the transaction."""
    row = (await session.execute(LOCK_CASE, {"id": case_id})).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), Case)


async def decide_case(session: AsyncSession, case_id: UUID, by: UUID | None, decision: str, now: datetime) -> None:
    """A person says what was done about it."""
    await session.execute(DECIDE_CASE, {"id": case_id, "by": by, "decision": decision, "now": now})


async def page_cases(
    session: AsyncSession, scope: PlatformScope, only_open: bool, before: UUID | None, limit: int
) -> list[Case]:
    """Cases, newest first."""
    place = {"only_open": only_open, "before": before, "limit": limit}
    return [msgspec.convert(dict(row._mapping), Case) for row in await session.execute(PAGE_CASES, place)]


async def count_open(session: AsyncSession, scope: PlatformScope) -> int:
    """How many wait."""
    return int(await session.scalar(COUNT_OPEN) or 0)


def new_case(kind: str, subject: str, summary: str, now: datetime, **about: object) -> Case:
    """A case to be opened. Its subject says which one it is, so it is never cut; its summary is for reading."""
    known = {"payment_id": None, "tenant_id": None, "amount": None, "currency": None}
    return Case(id=new_id(), kind=kind, subject=subject, summary=summary[:500], opened_at=now, **(known | about))  # type: ignore[arg-type]
