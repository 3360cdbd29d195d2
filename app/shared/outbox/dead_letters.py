"""Dead letters: what could not be delivered after many tries, kept for an operator to look at and to send again."""

import base64
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.context import Context
from app.shared.errors import Conflict, NotFound
from app.shared.events.wire import redrive_subject
from app.shared.ids import new_id
from app.shared.outbox.writer import shard_of
from app.shared.records import UNREADABLE
from app.shared.telemetry.sanitize import sanitize_text

RELAY = "relay"  # the source of rows that never left; any other source is the name of a consumer

MARK_DEAD = text("""
    INSERT INTO shared.dead_letters (id, source, name, message_id, body, error, attempts, correlation_id)
    VALUES (:id, :source, :name, :message_id, CAST(:body AS jsonb), :error, :attempts, :correlation_id)
    ON CONFLICT (source, message_id) DO UPDATE
    SET error = EXCLUDED.error, attempts = EXCLUDED.attempts, redriven_at = NULL
""")
FIND = text("""
    SELECT source, name, message_id, body, correlation_id, redriven_at
    FROM shared.dead_letters WHERE id = :id FOR UPDATE
""")
DONE = text("UPDATE shared.dead_letters SET redriven_at = clock_timestamp() WHERE id = :id")
REOPEN = text("""
    UPDATE shared.outbox_events
    SET published_at = NULL, attempts = 0, last_error = NULL, due_at = clock_timestamp(), xid = pg_current_xact_id()
    WHERE id = :message_id
""")
INSERT = text("""
    INSERT INTO shared.outbox_events (id, kind, name, aggregate_id, shard, version, payload, tenant_id, project_id,
                                      correlation_id, causation_id)
    VALUES (:id, :kind, :name, CAST(:aggregate_id AS uuid), :shard, :version, CAST(:payload AS jsonb),
            CAST(:tenant_id AS uuid), CAST(:project_id AS uuid), :correlation_id, :causation_id)
""")


class DeadMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a consumer gave up: `body` is what came over the wire."""

    consumer: str
    subject: str
    message_id: UUID
    body: bytes
    error: str
    attempts: int
    correlation_id: str | None


async def add_dead_letter(session: AsyncSession, dead: DeadMessage) -> None:
    """Keep `dead`; the same message of the same consumer is kept once, with its last error."""
    body = {"subject": dead.subject, "body": base64.b64encode(dead.body).decode(), "message": _shown(dead.body)}
    await session.execute(
        MARK_DEAD,
        {
            "id": new_id(),
            "source": dead.consumer,
            "name": dead.subject,
            "message_id": dead.message_id,
            "body": msgspec.json.encode(body).decode(),
            "error": sanitize_text(dead.error)[:1000] or "no reason given",
            "attempts": dead.attempts,
            "correlation_id": dead.correlation_id,
        },
    )


def _shown(body: bytes) -> object:
    """What is in it, for people; None when it is no JSON, or holds a character that the database does not keep."""
    if b"\\u0000" in body:
        return None
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        return None


async def redrive(ctx: Context, dead_letter_id: UUID) -> None:
    """Send a dead letter again: an outbox row becomes pending once more, a message goes back to its consumer alone (an
    ordered consumer still ignores it when it has handled a newer version). Raises NotFound, and Conflict when it was
    sent again before and has not come back."""
    letter = (await ctx.session.execute(FIND, {"id": dead_letter_id})).one_or_none()
    if letter is None:
        raise NotFound
    if letter.redriven_at is not None:
        raise Conflict("This message was sent again already.")
    if letter.source == RELAY:
        await _reopen(ctx.session, letter.message_id, letter.name, letter.body, letter.correlation_id)
    else:
        payload = {"subject": letter.name, "body": letter.body["body"], "message_id": str(letter.message_id)}
        row: dict[str, object] = {"kind": "event", "aggregate_id": str(letter.message_id), "version": 0}
        await _insert(
            ctx.session, new_id(), redrive_subject(letter.source), {**row, "payload": payload}, letter.correlation_id
        )
    await ctx.session.execute(DONE, {"id": dead_letter_id})
    ctx.uow.wakes_relay = True


async def _reopen(
    session: AsyncSession, message_id: UUID, name: str, body: dict[str, object], correlation_id: str | None
) -> None:
    reopened = await session.scalar(
        text("SELECT count(*) FROM shared.outbox_events WHERE id = :message_id"), {"message_id": message_id}
    )
    if reopened:
        await session.execute(REOPEN, {"message_id": message_id})
    else:
        await _insert(session, message_id, name, body, correlation_id)


async def _insert(
    session: AsyncSession, row_id: UUID, name: str, body: dict[str, object], correlation_id: str | None
) -> None:
    await session.execute(
        INSERT,
        {
            "id": row_id,
            "kind": body["kind"],
            "name": name,
            "aggregate_id": body["aggregate_id"],
            "shard": shard_of(UUID(str(body["aggregate_id"]))),
            "version": body["version"],
            "payload": msgspec.json.encode(body["payload"]).decode(),
            "tenant_id": body.get("tenant_id"),
            "project_id": body.get("project_id"),
            "correlation_id": correlation_id or "redriven",
            "causation_id": body.get("causation_id"),
        },
    )
