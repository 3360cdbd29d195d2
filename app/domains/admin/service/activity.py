"""What was done in an organisation, for its own people: the audit log in plain words. Our own people are not named."""

from collections.abc import AsyncIterator, Iterable, Mapping
from uuid import UUID

import msgspec

from app.domains.admin.contracts.audit import (
    ActivityLine,
    ActivityPage,
    AuditEntry,
    AuditFilter,
    ExportAudit,
    ExportRecorded,
)
from app.domains.admin.repository import audit
from app.domains.admin.rules.words import done_words
from app.domains.admin.service.audit import INSTANT, as_file, read_place, until, write_place
from app.domains.auth import public as auth
from app.shared.audit import AuditAction
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context, ContextFactory
from app.shared.ids import new_id
from app.shared.paging import cut
from app.shared.use_case import use_case

COLUMNS = ("occurred_at", "who", "what", "action", "target_kind", "target_id", "result", "reason", "correlation_id")
OPERATOR = "Berth support"
AUTOMATIC = "Berth, by itself"
KINDS = {"allocation": "/machines/{}", "payment": "/billing/credit/return?intent={}"}


async def page_activity(ctx: Context, wanted: AuditFilter, cursor: str | None, limit: int) -> ActivityPage:
    """What was done, newest first, by the organisation's people and by ours. Raises ValidationFailed."""
    scope = tenant_scope(ctx.actor, Permission.ACTIVITY_READ)
    rows = await audit.page_rows_of_tenant(ctx.session, scope, wanted, read_place(cursor), limit + 1)
    kept = cut(rows, limit, write_place)
    names = await _names(ctx, kept.items)
    lines = tuple(_line(row, names) for row in kept.items)
    return ActivityPage(items=lines, next_cursor=kept.next_cursor)


@use_case(Permission.ACTIVITY_READ, AuditAction.ACTIVITY_EXPORT, lambda _, result: result and result.id)
async def record_export(ctx: Context, command: ExportAudit) -> ExportRecorded:
    """Leave the export in the log before its first byte leaves."""
    ctx.explain(format=command.format)
    return ExportRecorded(id=new_id(), until=await ctx.now() + INSTANT)


async def export(contexts: ContextFactory, command: ExportAudit) -> AsyncIterator[bytes]:
    """Record who takes what, then the file. Raises Forbidden before its first byte."""
    async with contexts() as ctx:
        recorded = await record_export(ctx, command)
    return stream_export(contexts, until(command, recorded))


async def stream_export(contexts: ContextFactory, command: ExportAudit) -> AsyncIterator[bytes]:
    """The activity as a file, batch by batch."""
    async with contexts() as ctx:
        scope = tenant_scope(ctx.actor, Permission.ACTIVITY_READ)
        batches = audit.stream_rows_of_tenant(ctx.session, scope, command.filter)
        async for part in as_file(_in_words(ctx, batches), command.format, COLUMNS, _cells):
            yield part


async def _in_words(ctx: Context, batches: AsyncIterator[list[AuditEntry]]) -> AsyncIterator[list[ActivityLine]]:
    known: dict[UUID, str] = {}
    async for batch in batches:
        missing = {row.actor_id for row in batch if row.actor_id} - known.keys()
        known |= await auth.names_of(ctx, missing)
        yield [_line(row, known) for row in batch]


async def _names(ctx: Context, rows: Iterable[AuditEntry]) -> dict[UUID, str]:
    return await auth.names_of(ctx, {row.actor_id for row in rows if row.actor_id})


def _line(row: AuditEntry, names: Mapping[UUID, str]) -> ActivityLine:
    ours = any(role.startswith("platform_") or role == "view_as" for role in row.actor_roles)
    if row.actor_id is None:
        who = AUTOMATIC
    else:
        who = OPERATOR if ours else names.get(row.actor_id, "Somebody who has left")
    reason = row.details.get("reason")
    return ActivityLine(
        id=row.id,
        occurred_at=row.occurred_at,
        who=who,
        actor_id=None if ours else row.actor_id,
        what=done_words(row.action),
        action=row.action,
        target_kind=row.target_kind,
        target_id=row.target_id,
        result=row.result,
        reason=row.reason or (reason if isinstance(reason, str) else None),
        href=KINDS[row.target_kind].format(row.target_id) if row.target_kind in KINDS and _is_id(row) else None,
        correlation_id=row.correlation_id,
    )


def _is_id(row: AuditEntry) -> bool:
    try:
        UUID(row.target_id)
    except ValueError:
        return False
    return row.result == "allowed"


def _cells(line: ActivityLine) -> tuple[object, ...]:
    values = msgspec.structs.asdict(line) | {"occurred_at": line.occurred_at.isoformat()}
    return tuple(values[name] for name in COLUMNS)
