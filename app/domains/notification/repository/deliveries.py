"""SQL about webhook deliveries and their attempts."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.notification.rules.values import AttemptView, DeliveryState, DeliveryView
from app.shared.authz import TenantScope
from app.shared.db.repository import Repository, changed_rows
from app.shared.ids import new_id

LEASE = timedelta(seconds=45)  # longer than one attempt may take
COLUMNS = """
    SELECT id, endpoint_id, message_id, kind, body, state, attempts,
           CASE WHEN state = 'queued' THEN due_at END AS due_at, created_at, ended_at
    FROM notification.webhook_deliveries
"""
ADD = text("""
    INSERT INTO notification.webhook_deliveries (id, endpoint_id, tenant_id, message_id, kind, body, state, due_at,
                                                 created_at, ended_at)
    VALUES (:id, :endpoint_id, :tenant_id, :message_id, :kind, :body, :state, :now, :now,
            CASE WHEN :state = 'queued' THEN NULL ELSE CAST(:now AS timestamptz) END)
    ON CONFLICT (endpoint_id, message_id) DO NOTHING RETURNING id
""")
PAGE = text(
    COLUMNS
    + """
    WHERE tenant_id = :tenant_id AND endpoint_id = :endpoint_id AND (CAST(:cursor AS uuid) IS NULL OR id < :cursor)
      AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY id DESC LIMIT :limit
"""
)
GET = text(COLUMNS + " WHERE tenant_id = :tenant_id AND id = :id")
ATTEMPTS = text("""
    SELECT started_at, milliseconds, status, problem, answer FROM notification.webhook_attempts
    WHERE delivery_id = :delivery_id ORDER BY id DESC LIMIT 100
""")
CLAIM = text("""
    UPDATE notification.webhook_deliveries SET attempts = attempts + 1, due_at = :lease
    WHERE id = :id AND state = 'queued' AND due_at <= :now
    RETURNING id, endpoint_id, message_id, kind, body, state, attempts,
           CASE WHEN state = 'queued' THEN due_at END AS due_at, created_at, ended_at
""")
ADD_ATTEMPT = text("""
    INSERT INTO notification.webhook_attempts (id, delivery_id, started_at, milliseconds, status, problem, answer)
    VALUES (:id, :delivery_id, :started_at, :milliseconds, :status, :problem, :answer)
""")
END = text("""
    UPDATE notification.webhook_deliveries SET state = :state, ended_at = :now WHERE id = :id AND state = 'queued'
""")
POSTPONE = text("""
    UPDATE notification.webhook_deliveries SET due_at = :due_at WHERE id = :id AND state = 'queued'
""")
REPLAY = text("""
    UPDATE notification.webhook_deliveries SET state = 'queued', attempts = 0, due_at = :now, ended_at = NULL
    WHERE tenant_id = :tenant_id AND id = :id AND state <> 'queued' RETURNING id
""")
REPLAY_FAILED = text("""
    UPDATE notification.webhook_deliveries SET state = 'queued', attempts = 0, due_at = :now, ended_at = NULL
    WHERE id IN (SELECT id FROM notification.webhook_deliveries
                 WHERE tenant_id = :tenant_id AND endpoint_id = :endpoint_id AND state = 'failed'
                   AND created_at >= :since ORDER BY id LIMIT :limit)
    RETURNING id
""")
OVERDUE = text("""
    SELECT id FROM notification.webhook_deliveries
    WHERE state = 'queued' AND due_at <= :before ORDER BY due_at LIMIT :limit
""")
PRUNE = text("""
    DELETE FROM notification.webhook_deliveries WHERE id IN
        (SELECT id FROM notification.webhook_deliveries
         WHERE state <> 'queued' AND created_at < :before ORDER BY created_at LIMIT :limit)
""")


class DeliveryRepository(Repository):
    """Bound to one unit of work."""

    async def add(
        self,
        endpoint_id: UUID,
        tenant_id: UUID,
        message_id: UUID,
        kind: str,
        body: str,
        state: DeliveryState,
        now: datetime,
    ) -> UUID | None:
        """Record a message for an endpoint; None when it has this one already."""
        values = {
            "id": new_id(),
            "endpoint_id": endpoint_id,
            "tenant_id": tenant_id,
            "message_id": message_id,
            "kind": kind,
            "body": body,
            "state": state,
            "now": now,
        }
        value = await self._session.scalar(ADD, values)
        return value if isinstance(value, UUID) else None

    async def page(
        self, scope: TenantScope, endpoint_id: UUID, cursor: UUID | None, limit: int, state: str | None
    ) -> list[DeliveryView]:
        """Up to `limit + 1`, newest first."""
        values = {
            "tenant_id": scope.tenant_id,
            "endpoint_id": endpoint_id,
            "cursor": cursor,
            "state": state,
            "limit": limit + 1,
        }
        return [_delivery(row) for row in await self._session.execute(PAGE, values)]

    async def find(self, scope: TenantScope, delivery_id: UUID) -> DeliveryView | None:
        values = {"tenant_id": scope.tenant_id, "id": delivery_id}
        row = (await self._session.execute(GET, values)).one_or_none()
        return None if row is None else _delivery(row)

    async def list_attempts(self, delivery_id: UUID) -> list[AttemptView]:
        """Newest first; the caller has found the delivery in its scope."""
        return await self._list_views(AttemptView, ATTEMPTS, delivery_id=delivery_id)

    async def claim(self, delivery_id: UUID, now: datetime) -> DeliveryView | None:
        """Take it for one attempt; None when it is not due, has ended or is in somebody's hands."""
        values = {"id": delivery_id, "now": now, "lease": now + LEASE}
        row = (await self._session.execute(CLAIM, values)).one_or_none()
        return None if row is None else _delivery(row)

    async def add_attempt(self, delivery_id: UUID, attempt: AttemptView) -> None:
        values = {
            "id": new_id(),
            "delivery_id": delivery_id,
            "started_at": attempt.started_at,
            "milliseconds": attempt.milliseconds,
            "status": attempt.status,
            "problem": attempt.problem,
            "answer": attempt.answer,
        }
        await self._session.execute(ADD_ATTEMPT, values)

    async def end(self, delivery_id: UUID, state: DeliveryState, now: datetime) -> None:
        await self._session.execute(END, {"id": delivery_id, "state": state, "now": now})

    async def postpone(self, delivery_id: UUID, due_at: datetime) -> None:
        await self._session.execute(POSTPONE, {"id": delivery_id, "due_at": due_at})

    async def replay(self, scope: TenantScope, delivery_id: UUID, now: datetime) -> bool:
        """Queue it anew under its old message id. False while it is still queued."""
        values = {"tenant_id": scope.tenant_id, "id": delivery_id, "now": now}
        return await self._session.scalar(REPLAY, values) is not None

    async def replay_failed(
        self, scope: TenantScope, endpoint_id: UUID, since: datetime, limit: int, now: datetime
    ) -> list[UUID]:
        values = {
            "tenant_id": scope.tenant_id,
            "endpoint_id": endpoint_id,
            "since": since,
            "limit": limit,
            "now": now,
        }
        return list(await self._session.scalars(REPLAY_FAILED, values))

    async def list_overdue(self, before: datetime, limit: int) -> list[UUID]:
        """Deliveries whose job was lost."""
        return list(await self._session.scalars(OVERDUE, {"before": before, "limit": limit}))


async def prune_deliveries(session: AsyncSession, before: datetime, limit: int) -> int:
    """Forget deliveries that ended, with their attempts. Returns how many."""
    return await changed_rows(session, PRUNE, {"before": before, "limit": limit})


def _delivery(row: Row[tuple[object, ...]]) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        endpoint_id=row.endpoint_id,
        message_id=f"msg_{row.message_id.hex}",
        kind=row.kind,
        body=row.body,
        state=row.state,
        attempts=row.attempts,
        due_at=row.due_at,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
