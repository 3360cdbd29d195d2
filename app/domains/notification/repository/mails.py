"""SQL about mails: claim one that is due, and record what became of it. Only our own jobs call this."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.shared.db.repository import changed_rows

LEASE = timedelta(seconds=60)  # longer than one attempt takes; after it the mail is somebody's again


class QueuedMail(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed mail; `attempts` counts this one."""

    id: UUID
    recipient: str
    template: str
    wrapped_values: bytes
    user_id: UUID | None
    attempts: int


CLAIM = text("""
    UPDATE shared.mails SET attempts = attempts + 1, due_at = :lease
    WHERE id = :id AND state = 'queued' AND due_at <= :now
    RETURNING id, recipient, template, wrapped_values, user_id, attempts
""")
END = text("""
    UPDATE shared.mails
    SET state = :state, last_error = :problem, ended_at = :now, wrapped_values = NULL
    WHERE id = :id AND state = 'queued'
""")
POSTPONE = text("""
    UPDATE shared.mails SET due_at = :due_at, last_error = :problem WHERE id = :id AND state = 'queued'
""")
OVERDUE = text("""
    SELECT id FROM shared.mails WHERE state = 'queued' AND due_at <= :before ORDER BY due_at LIMIT :limit
""")
PRUNE = text("""
    DELETE FROM shared.mails WHERE id IN
        (SELECT id FROM shared.mails WHERE state <> 'queued' AND ended_at < :before ORDER BY ended_at LIMIT :limit)
""")


async def claim_mail(session: AsyncSession, mail_id: UUID, now: datetime) -> QueuedMail | None:
    """Take the mail for one attempt; None when it is not due, has ended or is in somebody's hands."""
    values = {"id": mail_id, "now": now, "lease": now + LEASE}
    row = (await session.execute(CLAIM, values)).one_or_none()
    if row is None:
        return None
    return QueuedMail(
        id=row.id,
        recipient=row.recipient,
        template=row.template,
        wrapped_values=bytes(row.wrapped_values),
        user_id=row.user_id,
        attempts=row.attempts,
    )


async def end_mail(session: AsyncSession, mail_id: UUID, state: str, problem: str | None, now: datetime) -> None:
    """It is sent, or has failed for good: forget what it said."""
    await session.execute(END, {"id": mail_id, "state": state, "problem": problem, "now": now})


async def postpone_mail(session: AsyncSession, mail_id: UUID, problem: str, due_at: datetime) -> None:
    await session.execute(POSTPONE, {"id": mail_id, "problem": problem, "due_at": due_at})


async def list_overdue_mails(session: AsyncSession, before: datetime, limit: int) -> list[UUID]:
    """Mails whose job was lost."""
    return list(await session.scalars(OVERDUE, {"before": before, "limit": limit}))


async def prune_mails(session: AsyncSession, before: datetime, limit: int) -> int:
    """Forget addresses of mails that ended before. Returns how many."""
    return await changed_rows(session, PRUNE, {"before": before, "limit": limit})
