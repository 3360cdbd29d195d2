"""Requests that wait for a second person: written by who asks, read and decided in the operator's console."""

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.audit import AuditAction
from app.shared.authz.actor import Actor, ActorKind
from app.shared.errors import Forbidden
from app.shared.ids import new_id

RequestStatus = Literal["requested", "approved", "rejected"]


class ChangeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Something that one person asked for and another decides. `summary` says in words what would change."""

    id: UUID
    action: str
    target: str
    summary: str
    reason: str
    tenant_id: UUID | None
    requested_by: UUID
    requested_at: datetime
    status: RequestStatus
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    decision_reason: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """It was not done: it waits for a second person, who decides about the change request `request_id`."""

    request_id: UUID
    action: str
    status: RequestStatus = "requested"


class AskingContext(Protocol):
    """What `ask` needs of a Context."""

    @property
    def session(self) -> AsyncSession: ...

    @property
    def actor(self) -> Actor: ...

    async def now(self) -> datetime: ...

    def explain(self, **details: object) -> None: ...

    def changed(self, **fields: tuple[object, object]) -> None: ...


COLUMNS = """
    SELECT id, action, target, summary, reason, tenant_id, requested_by, requested_at, status, decided_by, decided_at,
           decision_reason
    FROM shared.change_requests
"""
ADD = text("""
    INSERT INTO shared.change_requests (id, action, command, target, summary, reason, tenant_id, requested_by,
                                        requested_at)
    VALUES (:id, :action, CAST(:command AS jsonb), :target, :summary, :reason, :tenant_id, :requested_by, :now)
""")
FIND = text(COLUMNS + " WHERE id = :id")
LOCK = text(COLUMNS + " WHERE id = :id FOR UPDATE")
COMMAND = text("SELECT command::text FROM shared.change_requests WHERE id = :id")
PAGE = text(
    COLUMNS
    + """
    WHERE (CAST(:status AS text) IS NULL OR status = :status) AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
"""
)
DECIDE = text("""
    UPDATE shared.change_requests SET status = :status, decided_by = :by, decided_at = :now, decision_reason = :reason
    WHERE id = :id
""")


async def ask(
    ctx: AskingContext, action: AuditAction, command: msgspec.Struct, *, target: str, summary: str, reason: str,
    tenant_id: UUID | None = None,
) -> Asked:  # fmt: skip
    """Let `command` wait for a second person. Raises Forbidden for who is no person."""
    if ctx.actor.kind is not ActorKind.USER or ctx.actor.id is None:
        raise Forbidden("Only a person can ask another one for this.")
    request_id = new_id()
    values = {
        "id": request_id,
        "action": action,
        "command": msgspec.json.encode(command).decode(),
        "target": target,
        "summary": summary[:500],
        "reason": reason,
        "tenant_id": tenant_id,
        "requested_by": ctx.actor.id,
        "now": await ctx.now(),
    }
    await ctx.session.execute(ADD, values)
    ctx.explain(reason=reason, waits_for_second_person=str(request_id))
    ctx.changed()  # not yet
    return Asked(request_id=request_id, action=action)


async def find_request(session: AsyncSession, request_id: UUID) -> ChangeRequest | None:
    """One request."""
    return await _one(session, FIND, request_id)


async def lock_request(session: AsyncSession, request_id: UUID) -> ChangeRequest | None:
    """The same, locked until the end of the transaction."""
    return await _one(session, LOCK, request_id)


async def command_of(session: AsyncSession, request_id: UUID) -> str:
    """The command as JSON, exactly as it was asked for."""
    return str((await session.execute(COMMAND, {"id": request_id})).scalar_one())


async def page_requests(
    session: AsyncSession, status: RequestStatus | None, before: UUID | None, limit: int
) -> list[ChangeRequest]:
    """Requests, newest first."""
    rows = await session.execute(PAGE, {"status": status, "before": before, "limit": limit})
    return [msgspec.convert(dict(row._mapping), ChangeRequest) for row in rows]


async def decide_request(
    session: AsyncSession, request_id: UUID, status: RequestStatus, by: UUID, reason: str, now: datetime
) -> None:
    """Record who decided what; the database refuses an approval by who asked."""
    values = {"id": request_id, "status": status, "by": by, "reason": reason, "now": now}
    await session.execute(DECIDE, values)


async def _one(session: AsyncSession, statement: object, request_id: UUID) -> ChangeRequest | None:
    row = (await session.execute(statement, {"id": request_id})).one_or_none()  # type: ignore[call-overload]
    return None if row is None else msgspec.convert(dict(row._mapping), ChangeRequest)
