"""Cases: questions about money that an operator has to decide."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.payments.contracts import Case
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository

COLUMNS = """
    SELECT id, kind, subject, summary, payment_id, tenant_id, amount, currency, opened_at, decided_at, decided_by,
           decision
    FROM payments.cases
"""
APPEND = text("""
    INSERT INTO payments.cases (id, kind, subject, summary, payment_id, tenant_id, amount, currency, opened_at)
    VALUES (:id, :kind, :subject, :summary, :payment_id, :tenant_id, :amount, :currency, :opened_at)
    ON CONFLICT ON CONSTRAINT cases_once DO NOTHING
""")
CLOSE = text("""
    UPDATE payments.cases SET decided_at = :now, decision = :decision
    WHERE kind = :kind AND subject = :subject AND decided_at IS NULL
""")
LOCK = text(COLUMNS + " WHERE id = :id FOR UPDATE")
DECIDE = text("UPDATE payments.cases SET decided_at = :now, decided_by = :by, decision = :decision WHERE id = :id")
PAGE = text(
    COLUMNS
    + """
    WHERE (NOT :only_open OR decided_at IS NULL) AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
"""
)


class CaseRepository(Repository):
    """Cases."""

    async def append(self, case: Case) -> bool:
        """Open a case, once per kind and subject. False when it exists."""
        return await self._changed(APPEND, **msgspec.structs.asdict(case)) > 0

    async def close(self, kind: str, subject: str, decision: str, now: datetime) -> None:
        """Close a case that needs no decision any more."""
        await self._session.execute(CLOSE, {"kind": kind, "subject": subject, "decision": decision, "now": now})

    async def lock(self, scope: PlatformScope, case_id: UUID) -> Case | None:
        """One case, locked until the transaction ends."""
        return await self._find_view(Case, LOCK, id=case_id)

    async def decide(self, case_id: UUID, by: UUID | None, decision: str, now: datetime) -> None:
        """Record what an operator did about it."""
        await self._session.execute(DECIDE, {"id": case_id, "by": by, "decision": decision, "now": now})

    async def page(self, scope: PlatformScope, only_open: bool, before: UUID | None, limit: int) -> list[Case]:
        """Cases, newest first."""
        return await self._list_views(Case, PAGE, only_open=only_open, before=before, limit=limit)
