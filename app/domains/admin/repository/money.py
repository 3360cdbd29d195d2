"""SQL about approvals, corrections and verifications of the ledger."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.admin.rules.values import AdjustmentView, Approval, LedgerCheck
from app.shared.authz import PlatformScope
from app.shared.ids import new_id
from app.shared.money import Micro

APPROVE = text("""
    INSERT INTO admin.refund_approvals (id, subject_kind, subject_id, tenant_id, amount, currency, requested_by,
                                        decision, decided_by, reason, decided_at)
    VALUES (:id, :subject_kind, :subject_id, :tenant_id, :amount, :currency, :requested_by, :decision, :decided_by,
            :reason, :decided_at)
""")
APPROVALS = text("""
    SELECT subject_id, decision, decided_by, reason, decided_at FROM admin.refund_approvals
    WHERE subject_id = ANY(:ids)
""")
ADJUSTMENTS = """
    SELECT id, tenant_id, amount, currency, reason, requested_by, status, created_at, decided_at FROM admin.adjustments
"""
ADD_ADJUSTMENT = text("""
    INSERT INTO admin.adjustments (id, tenant_id, amount, currency, reason, requested_by, status, created_at)
    VALUES (:id, :tenant_id, :amount, :currency, :reason, :requested_by, 'requested', :now)
""")
LOCK_ADJUSTMENT = text(ADJUSTMENTS + " WHERE id = :id FOR UPDATE")
DECIDE_ADJUSTMENT = text("UPDATE admin.adjustments SET status = :status, decided_at = :now WHERE id = :id")
PAGE_ADJUSTMENTS = text(
    ADJUSTMENTS
    + """
    WHERE (CAST(:tenant_id AS uuid) IS NULL OR tenant_id = :tenant_id)
      AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
"""
)
CHECKS = "SELECT id, requested_by, requested_at, finished_at, ok, report FROM admin.ledger_checks"
LAST_CHECK = text(CHECKS + " ORDER BY id DESC LIMIT 1")
ADD_CHECK = text("INSERT INTO admin.ledger_checks (id, requested_by, requested_at) VALUES (:id, :by, :now)")
FINISH_CHECK = text("""
    UPDATE admin.ledger_checks SET finished_at = :now, ok = :ok, report = CAST(:report AS jsonb)
    WHERE id = :id AND finished_at IS NULL
""")


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about whom."""

    subject_kind: str
    subject_id: UUID
    tenant_id: UUID
    amount: Micro
    currency: str
    requested_by: UUID
    decision: str
    decided_by: UUID
    reason: str
    decided_at: datetime


async def append_approval(session: AsyncSession, decided: Decided) -> None:
    """Keep a decision; the database refuses a second one about the same subject."""
    await session.execute(APPROVE, {"id": new_id(), **msgspec.structs.asdict(decided)})


async def list_approvals(session: AsyncSession, scope: PlatformScope, ids: Sequence[UUID]) -> dict[UUID, Approval]:
    """The decisions about these subjects."""
    rows = await session.execute(APPROVALS, {"ids": list(ids)})
    return {row.subject_id: msgspec.convert(dict(row._mapping), Approval) for row in rows}


async def add_adjustment(session: AsyncSession, wanted: AdjustmentView) -> None:
    """Record what somebody asks for."""
    names = ("id", "tenant_id", "amount", "currency", "reason", "requested_by")
    await session.execute(ADD_ADJUSTMENT, {**{n: getattr(wanted, n) for n in names}, "now": wanted.created_at})


async def lock_adjustment(session: AsyncSession, scope: PlatformScope, adjustment_id: UUID) -> AdjustmentView | None:
    """One correction, locked until the end of the transaction."""
    row = (await session.execute(LOCK_ADJUSTMENT, {"id": adjustment_id})).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), AdjustmentView)


async def decide_adjustment(session: AsyncSession, adjustment_id: UUID, status: str, now: datetime) -> None:
    """Approved or rejected."""
    await session.execute(DECIDE_ADJUSTMENT, {"id": adjustment_id, "status": status, "now": now})


async def page_adjustments(
    session: AsyncSession, scope: PlatformScope, tenant_id: UUID | None, before: UUID | None, limit: int
) -> list[AdjustmentView]:
    """Corrections, newest first."""
    position = {"tenant_id": tenant_id, "before": before, "limit": limit}
    return [
        msgspec.convert(dict(row._mapping), AdjustmentView) for row in await session.execute(PAGE_ADJUSTMENTS, position)
    ]


async def add_check(session: AsyncSession, check_id: UUID, by: UUID | None, now: datetime) -> None:
    """Somebody wants the ledger verified."""
    await session.execute(ADD_CHECK, {"id": check_id, "by": by, "now": now})


async def finish_check(session: AsyncSession, check_id: UUID, ok: bool, report: bytes, now: datetime) -> None:
    """What was found; the first result stays."""
    await session.execute(FINISH_CHECK, {"id": check_id, "ok": ok, "report": report.decode(), "now": now})


async def find_last_check(session: AsyncSession, scope: PlatformScope) -> LedgerCheck | None:
    """The newest verification."""
    row = (await session.execute(LAST_CHECK)).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), LedgerCheck)
