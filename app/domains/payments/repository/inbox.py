"""The webhook inbox: each message of Stripe once, with the parts of its body that Berth uses."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from app.domains.payments.contracts import InboxMessage
from app.shared.authz import PlatformScope
from app.shared.db.repository import Repository


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message to process."""

    id: UUID
    event_id: str
    type: str
    body: dict[str, object]
    processed_at: datetime | None


APPEND = text("""
    INSERT INTO payments.payment_events (id, provider, event_id, type, body, received_at)
    VALUES (:id, 'stripe', :event_id, :type, CAST(:body AS jsonb), :now)
    ON CONFLICT ON CONSTRAINT payment_events_once DO NOTHING
""")
LOCK = text("""
    SELECT id, event_id, type, body, processed_at FROM payments.payment_events WHERE id = :id FOR UPDATE
""")
PROCESSED = text("""
    UPDATE payments.payment_events SET processed_at = :now, outcome = :outcome, error = :error WHERE id = :id
""")
LIST_PENDING = text("""
    SELECT id FROM payments.payment_events
    WHERE processed_at IS NULL AND received_at < CAST(:now AS timestamptz) - interval '1 minute'
      AND (CAST(:after AS uuid) IS NULL OR id > :after)
    ORDER BY id LIMIT :limit
""")
HAS_DEFERRED = text("""
    SELECT EXISTS (SELECT FROM payments.payment_events
                   WHERE body ->> 'payment_intent' = :intent_id AND outcome = 'unknown payment')
""")
REOPEN_DEFERRED = text("""
    UPDATE payments.payment_events SET processed_at = NULL, outcome = NULL, error = NULL
    WHERE id IN (SELECT id FROM payments.payment_events
                 WHERE body ->> 'payment_intent' = :intent_id AND outcome = 'unknown payment'
                   AND type NOT LIKE 'checkout.%' ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id
""")
REOPEN_SETTLED = text("""
    UPDATE payments.payment_events e SET processed_at = NULL, outcome = NULL, error = NULL
    FROM payments.payment_sessions p
    WHERE e.outcome = 'unknown payment' AND e.type NOT LIKE 'checkout.%'
      AND p.payment_intent_id = e.body ->> 'payment_intent'
    RETURNING e.id
""")
REOPEN = text("""
    UPDATE payments.payment_events SET processed_at = NULL, outcome = NULL, error = NULL WHERE id = :id
""")
COLUMNS = """
    SELECT id, event_id, type, body, received_at, processed_at, outcome, error FROM payments.payment_events
"""
PAGE = text(
    COLUMNS
    + """
    WHERE (NOT :only_problems OR error IS NOT NULL OR processed_at IS NULL)
      AND (CAST(:type AS text) IS NULL OR type = :type)
      AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
"""
)
FIND = text(COLUMNS + " WHERE id = :id")


class InboxRepository(Repository):
    """Messages. A deferred message came before its payment was settled, and is processed again afterwards."""

    async def append(self, message_id: UUID, event_id: str, kind: str, body: dict[str, object], now: datetime) -> bool:
        """Store a message. False when it was received before."""
        parameters = {
            "id": message_id,
            "event_id": event_id,
            "type": kind,
            "body": msgspec.json.encode(body).decode(),
            "now": now,
        }
        return await self._changed(APPEND, **parameters) > 0

    async def lock(self, message_id: UUID) -> Message | None:
        """A message, locked until the transaction ends."""
        return await self._find_view(Message, LOCK, id=message_id)

    async def set_processed(self, message_id: UUID, outcome: str, error: str | None, now: datetime) -> None:
        """Record the outcome; `error` is set when an operator should look at it."""
        await self._session.execute(PROCESSED, {"id": message_id, "outcome": outcome, "error": error, "now": now})

    async def list_pending(self, now: datetime, after: UUID | None, limit: int) -> list[UUID]:
        """Messages whose job was lost, in the order of their ids."""
        rows = await self._session.execute(LIST_PENDING, {"now": now, "after": after, "limit": limit})
        return [row.id for row in rows]

    async def has_deferred(self, intent_id: str) -> bool:
        """Whether there are deferred messages about that payment intent."""
        return bool(await self._session.scalar(HAS_DEFERRED, {"intent_id": intent_id}))

    async def reopen_deferred(self, intent_id: str, limit: int) -> list[UUID]:
        """Reopen at most `limit` deferred messages about that payment intent, and return them."""
        rows = await self._session.execute(REOPEN_DEFERRED, {"intent_id": intent_id, "limit": limit})
        return [row.id for row in rows]

    async def reopen_settled(self) -> list[UUID]:
        """Reopen the deferred messages of all settled payments: those processed while their payment was being
        settled."""
        return [row.id for row in await self._session.execute(REOPEN_SETTLED)]

    async def reopen(self, message_id: UUID) -> None:
        """Let a message be processed again."""
        await self._session.execute(REOPEN, {"id": message_id})

    async def page(
        self, scope: PlatformScope, kind: str | None, only_problems: bool, before: UUID | None, limit: int
    ) -> list[InboxMessage]:
        """Messages, newest first; `only_problems` leaves those that wait or failed."""
        return await self._list_views(
            InboxMessage, PAGE, type=kind, only_problems=only_problems, before=before, limit=limit
        )

    async def find(self, scope: PlatformScope, message_id: UUID) -> InboxMessage | None:
        """One message."""
        return await self._find_view(InboxMessage, FIND, id=message_id)
