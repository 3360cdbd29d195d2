"""The activity of an organisation, for its members: its audit log in plain language. Operators are not named."""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.admin.repository import audit
from app.domains.admin.rules.labels import action_label
from app.domains.admin.rules.values import AuditEntry, AuditFilter, Result
from app.domains.admin.service.audit import (
    INSTANT,
    ExportAudit,
    ExportRecorded,
    as_file,
    read_position,
    until,
    write_position,
)
from app.domains.auth import public as auth
from app.shared.audit import AuditAction
from app.shared.authz import Permission, tenant_scope
from app.shared.context import Context, ContextFactory
from app.shared.ids import new_id
from app.shared.paging import cut
from app.shared.use_case import use_case

COLUMNS = ("occurred_at", "who", "what", "action", "target_kind", "target_id", "result", "reason", "correlation_id")
OPERATOR = "Berth support"
AUTOMATIC = "Berth (automatic)"
KINDS = {"allocation": "/machines/{}", "payment": "/billing/credit/return?intent={}"}


class ActivityEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An action in an organisation, in plain language."""

    id: UUID
    occurred_at: datetime
    who: str
    actor_id: UUID | None
    what: str
    action: str
    target_kind: str
    target_id: str
    result: Result
    reason: str | None
    href: str | None
    correlation_id: str


class ActivityList(msgspec.Struct, frozen=True, kw_only=True):
    """Actions, newest first."""

    items: tuple[ActivityEntry, ...]
    next_cursor: str | None


async def page_activity(ctx: Context, wanted: AuditFilter, cursor: str | None, limit: int) -> ActivityList:
    """What members and operators did in the organisation, newest first. Raises ValidationFailed."""
    scope = tenant_scope(ctx.actor, Permission.ACTIVITY_READ)
    rows = await audit.page_rows_of_tenant(ctx.session, scope, wanted, read_position(cursor), limit + 1)
    slice_ = cut(rows, limit, write_position)
    names = await _names(ctx, slice_.items)
    lines = tuple(_activity_entry(row, names) for row in slice_.items)
    return ActivityList(items=lines, next_cursor=slice_.next_cursor)


@use_case(Permission.ACTIVITY_READ, AuditAction.ACTIVITY_EXPORT, lambda _, result: result and result.id)
async def record_export(ctx: Context, command: ExportAudit) -> ExportRecorded:
    """Write the export to the log before its first byte is sent."""
    ctx.explain(format=command.format)
    return ExportRecorded(id=new_id(), until=await ctx.now() + INSTANT)


async def export(contexts: ContextFactory, command: ExportAudit) -> AsyncIterator[bytes]:
    """Record the export, then stream the file. Raises Forbidden before the first byte."""
    async with contexts() as ctx:
        recorded = await record_export(ctx, command)
    return stream_export(contexts, until(command, recorded))


async def stream_export(contexts: ContextFactory, command: ExportAudit) -> AsyncIterator[bytes]:
    """The activity as a file, batch by batch."""
    async with contexts() as ctx:
        scope = tenant_scope(ctx.actor, Permission.ACTIVITY_READ)
        batches = audit.stream_rows_of_tenant(ctx.session, scope, command.filter)
        async for part in as_file(_entries(ctx, batches), command.format, COLUMNS, _cells):
            yield part


async def _entries(ctx: Context, batches: AsyncIterator[list[AuditEntry]]) -> AsyncIterator[list[ActivityEntry]]:
    known: dict[UUID, str] = {}
    async for batch in batches:
        missing = {row.actor_id for row in batch if row.actor_id} - known.keys()
        known |= await auth.names_of(ctx, missing)
        yield [_activity_entry(row, known) for row in batch]


async def _names(ctx: Context, rows: Iterable[AuditEntry]) -> dict[UUID, str]:
    return await auth.names_of(ctx, {row.actor_id for row in rows if row.actor_id})


def _activity_entry(row: AuditEntry, names: Mapping[UUID, str]) -> ActivityEntry:
    ours = any(role.startswith("platform_") or role == "view_as" for role in row.actor_roles)
    if row.actor_id is None:
        who = AUTOMATIC
    else:
        who = OPERATOR if ours else names.get(row.actor_id, "Former member")
    reason = row.details.get("reason")
    return ActivityEntry(
        id=row.id,
        occurred_at=row.occurred_at,
        who=who,
        actor_id=None if ours else row.actor_id,
        what=action_label(row.action),
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


def _cells(line: ActivityEntry) -> tuple[object, ...]:
    values = msgspec.structs.asdict(line) | {"occurred_at": line.occurred_at.isoformat()}
    return tuple(values[name] for name in COLUMNS)
