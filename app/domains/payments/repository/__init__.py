"""Every SQL statement of payments: here what is paid and the webhook inbox, in `refunds` what goes back. What people
see demands the tenant's scope.
"""

from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.payments.contracts import PaymentView, Status
from app.shared.authz import TenantScope
from app.shared.money import Micro


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One row of payment_sessions."""

    id: UUID
    tenant_id: UUID
    project_id: UUID | None
    amount: Micro
    currency: str
    status: Status
    stripe_session_id: str | None
    payment_intent_id: str | None
    checkout_url: str | None
    problem: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    paid_at: datetime | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the webhook inbox: the parts of its body that we use."""

    id: UUID
    event_id: str
    type: str
    body: dict[str, object]
    processed_at: datetime | None


COLUMNS = """
    SELECT id, tenant_id, project_id, amount, currency, status, stripe_session_id, payment_intent_id, checkout_url,
           problem, version, created_at, updated_at, paid_at
    FROM payments.payment_sessions
"""
ADD = text("""
    INSERT INTO payments.payment_sessions (id, tenant_id, project_id, user_id, amount, currency, status, created_at,
                                           updated_at)
    VALUES (:id, :tenant_id, :project_id, :user_id, :amount, :currency, 'created', :now, :now)
""")
FIND_OWN = text(COLUMNS + " WHERE tenant_id = :tenant_id AND id = :id")
FIND = text(COLUMNS + " WHERE id = :id")
LOCK = text(COLUMNS + " WHERE id = :id FOR UPDATE")
SINCE = text(COLUMNS + " WHERE created_at >= :since ORDER BY id")
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
# A payment is asked about less often the older it is: after a quarter of its age.
WAITING = text(
    COLUMNS
    + """
    WHERE status IN ('created', 'open')
      AND created_at < CAST(:now AS timestamptz) - make_interval(secs => :after)
      AND updated_at < CAST(:now AS timestamptz) - greatest(interval '50 s', (:now - created_at) / 4)
    ORDER BY created_at LIMIT :limit
"""
)
WAITING_FOR = text("""
    UPDATE payments.payment_events SET processed_at = NULL, outcome = NULL, error = NULL
    WHERE id IN (SELECT id FROM payments.payment_events
                 WHERE body ->> 'payment_intent' = :intent_id AND outcome = 'unknown payment'
                   AND type NOT LIKE 'checkout.%' ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id
""")
HAS_WAITING = text("""
    SELECT EXISTS (SELECT FROM payments.payment_events
                   WHERE body ->> 'payment_intent' = :intent_id AND outcome = 'unknown payment')
""")
SETTLED_SINCE = text("""
    UPDATE payments.payment_events e SET processed_at = NULL, outcome = NULL, error = NULL
    FROM payments.payment_sessions p
    WHERE e.outcome = 'unknown payment' AND e.type NOT LIKE 'checkout.%'
      AND p.payment_intent_id = e.body ->> 'payment_intent'
    RETURNING e.id
""")
RECEIVE = text("""
    INSERT INTO payments.payment_events (id, provider, event_id, type, body, received_at)
    VALUES (:id, 'stripe', :event_id, :type, CAST(:body AS jsonb), :now)
    ON CONFLICT ON CONSTRAINT payment_events_once DO NOTHING
""")
LOCK_MESSAGE = text("""
    SELECT id, event_id, type, body, processed_at FROM payments.payment_events WHERE id = :id FOR UPDATE
""")
PROCESSED = text("""
    UPDATE payments.payment_events SET processed_at = :now, outcome = :outcome, error = :error WHERE id = :id
""")
PENDING = text("""
    SELECT id FROM payments.payment_events
    WHERE processed_at IS NULL AND received_at < CAST(:now AS timestamptz) - interval '1 minute'
      AND (CAST(:after AS uuid) IS NULL OR id > :after)
    ORDER BY id LIMIT :limit
""")


async def list_since(session: AsyncSession, since: datetime) -> list[Payment]:
    """All payments made since then, of all tenants: for the comparison with Stripe."""
    rows = await session.execute(SINCE, {"since": since})
    return [Payment(**row._mapping) for row in rows]


async def add_payment(
    session: AsyncSession,
    scope: TenantScope,
    payment_id: UUID,
    project_id: UUID | None,
    user_id: UUID | None,
    amount: Micro,
    currency: str,
    now: datetime,
) -> None:
    """Record what somebody wants to pay, before the vendor hears of it."""
    await session.execute(
        ADD,
        {
            "id": payment_id,
            "tenant_id": scope.tenant_id,
            "project_id": project_id,
            "user_id": user_id,
            "amount": amount,
            "currency": currency,
            "now": now,
        },
    )


async def _one(session: AsyncSession, statement: object, **place: object) -> Payment | None:
    row = (await session.execute(statement, place)).one_or_none()  # type: ignore[call-overload]
    return None if row is None else msgspec.convert(dict(row._mapping), Payment)


async def find_own(session: AsyncSession, scope: TenantScope, payment_id: UUID) -> Payment | None:
    """A payment of the tenant."""
    return await _one(session, FIND_OWN, tenant_id=scope.tenant_id, id=payment_id)


async def find_payment(session: AsyncSession, payment_id: UUID) -> Payment | None:
    """Any payment: for our own workers."""
    return await _one(session, FIND, id=payment_id)


async def lock_payment(session: AsyncSession, payment_id: UUID) -> Payment | None:
    """Any payment, locked until the end of the transaction."""
    return await _one(session, LOCK, id=payment_id)


async def find_id_by_session(session: AsyncSession, session_id: str) -> UUID | None:
    """The payment of a Checkout session."""
    return cast(UUID | None, await session.scalar(ID_BY_SESSION, {"session_id": session_id}))


async def find_id_by_intent(session: AsyncSession, intent_id: str) -> UUID | None:
    """The payment that was paid with that payment intent."""
    return cast(UUID | None, await session.scalar(ID_BY_INTENT, {"intent_id": intent_id}))


async def has_waiting(session: AsyncSession, intent_id: str) -> bool:
    """Whether messages about that payment intent came before its payment was settled."""
    return bool(await session.scalar(HAS_WAITING, {"intent_id": intent_id}))


async def reopen_waiting(session: AsyncSession, intent_id: str, limit: int) -> list[UUID]:
    """Let them be worked off, so many at once."""
    return [row.id for row in await session.execute(WAITING_FOR, {"intent_id": intent_id, "limit": limit})]


async def reopen_settled(session: AsyncSession) -> list[UUID]:
    """The same for every payment: those that were worked off in the very moment of the settlement."""
    return [row.id for row in await session.execute(SETTLED_SINCE)]


async def set_opened(session: AsyncSession, payment_id: UUID, session_id: str, url: str | None, now: datetime) -> None:
    """The Checkout session exists; the first one recorded stays."""
    await session.execute(OPENED, {"id": payment_id, "session_id": session_id, "url": url, "now": now})


async def set_paid(
    session: AsyncSession, payment_id: UUID, session_id: str, payment_intent_id: str | None, now: datetime
) -> int:
    """The money arrived. Returns the new version."""
    place = {"id": payment_id, "session_id": session_id, "payment_intent_id": payment_intent_id, "now": now}
    return int(await session.scalar(PAID, place) or 0)


async def set_closed(session: AsyncSession, payment_id: UUID, status: Status, now: datetime) -> None:
    """Nothing will come of it: expired or failed. A paid one stays paid."""
    await session.execute(CLOSED, {"id": payment_id, "status": status, "now": now})


async def set_problem(session: AsyncSession, payment_id: UUID, problem: str, now: datetime) -> int | None:
    """The code of what went wrong last. Returns the new version, None when it is paid already."""
    return cast(int | None, await session.scalar(PROBLEM, {"id": payment_id, "problem": problem, "now": now}))


async def set_checked(session: AsyncSession, payment_id: UUID, now: datetime) -> None:
    """Stripe was asked and had no news."""
    await session.execute(CHECKED, {"id": payment_id, "now": now})


async def list_waiting(session: AsyncSession, now: datetime, after_seconds: int, limit: int) -> list[Payment]:
    """Payments whose webhook is overdue, the oldest first."""
    rows = await session.execute(WAITING, {"now": now, "after": after_seconds, "limit": limit})
    return [msgspec.convert(dict(row._mapping), Payment) for row in rows]


async def receive(
    session: AsyncSession, message_id: UUID, event_id: str, kind: str, body: dict[str, object], now: datetime
) -> bool:
    """Put a message into the inbox. False when it was there already."""
    place = {
        "id": message_id,
        "event_id": event_id,
        "type": kind,
        "body": msgspec.json.encode(body).decode(),
        "now": now,
    }
    return bool((await session.execute(RECEIVE, place)).rowcount)  # type: ignore[attr-defined]  # result of DML


async def lock_message(session: AsyncSession, message_id: UUID) -> Message | None:
    """A message of the inbox, locked until the end of the transaction."""
    row = (await session.execute(LOCK_MESSAGE, {"id": message_id})).one_or_none()
    return None if row is None else msgspec.convert(dict(row._mapping), Message)


async def set_processed(
    session: AsyncSession, message_id: UUID, outcome: str, error: str | None, now: datetime
) -> None:
    """The message was worked off; `error` is what an operator should look at."""
    await session.execute(PROCESSED, {"id": message_id, "outcome": outcome, "error": error, "now": now})


async def list_pending(session: AsyncSession, now: datetime, after: UUID | None, limit: int) -> list[UUID]:
    """Messages whose job was lost, the next after that one."""
    rows = await session.execute(PENDING, {"now": now, "after": after, "limit": limit})
    return [row.id for row in rows]


def view(payment: Payment) -> PaymentView:
    """The payment as its owner may see it."""
    return msgspec.convert(
        {name: getattr(payment, name) for name in PaymentView.__struct_fields__}, PaymentView, strict=False
    )
