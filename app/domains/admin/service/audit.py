"""The audit log: search it, show a row, export it. An export is itself a row of the log."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.admin.repository import audit
from app.domains.admin.repository.audit import Position
from app.domains.admin.rules import files
from app.domains.admin.rules.values import AuditEntry, AuditFilter, Format
from app.domains.auth import public as auth
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context, ContextFactory
from app.shared.errors import NotFound
from app.shared.ids import new_id
from app.shared.paging import InstantAndId, cut, pack, unpack
from app.shared.use_case import use_case

COLUMNS = AuditEntry.__struct_fields__
MEDIA = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
SUGGESTED_DAYS = 30
INSTANT = timedelta.resolution  # an export contains its own row
UNKNOWN_PERSON = UUID(int=0)


class AuditList(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, newest first, and the current names of the ids in them. Names are not part of the log."""

    items: tuple[AuditEntry, ...]
    next_cursor: str | None
    names: dict[str, str]


class ExportAudit(msgspec.Struct, frozen=True, kw_only=True):
    """Export all rows that match the filter."""

    format: Format
    filter: AuditFilter


class ExportRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded export. It contains rows up to itself, so that a repeated request gives the same file."""

    id: UUID
    until: datetime  # exclusive


async def page_audit(ctx: Context, wanted: AuditFilter, cursor: str | None, limit: int) -> AuditList:
    """Rows that match, newest first. Raises ValidationFailed for an invalid cursor."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_AUDIT_READ)
    wanted = await _resolved(ctx, wanted)
    rows = await audit.page_rows(ctx.session, scope, wanted, read_position(cursor), limit + 1)
    slice_ = cut(rows, limit, write_position)
    names = await names_in(ctx, slice_.items)
    return AuditList(items=slice_.items, next_cursor=slice_.next_cursor, names=names)


async def show_audit_row(ctx: Context, row_id: UUID) -> tuple[AuditEntry, dict[str, str]]:
    """A row and the names in it. Raises NotFound."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_AUDIT_READ)
    row = await audit.find_row(ctx.session, scope, row_id)
    if row is None:
        raise NotFound()
    return row, await names_in(ctx, [row])


async def list_actions(ctx: Context) -> list[str]:
    """The actions of the last thirty days, as suggestions for the filter."""
    scope = platform_scope(ctx.actor, Permission.PLATFORM_AUDIT_READ)
    return await audit.list_actions(ctx.session, scope, await ctx.now() - timedelta(days=SUGGESTED_DAYS))


async def names_in(ctx: Context, rows: Iterable[AuditEntry]) -> dict[str, str]:
    """The current names of the ids in `rows`."""
    ids: set[UUID] = set()
    for row in rows:
        ids.update(one for one in (row.actor_id, row.tenant_id, row.project_id, _uuid(row.target_id)) if one)
    return {str(key): name for key, name in (await auth.names_of(ctx, ids)).items()}


async def _resolved(ctx: Context, wanted: AuditFilter) -> AuditFilter:
    """The filter with a mail address replaced by the person's id; an unknown address matches nothing."""
    if wanted.actor_mail is None:
        return wanted
    person_id = await auth.find_person_by_mail(ctx, wanted.actor_mail)
    return msgspec.structs.replace(wanted, actor_id=person_id or UNKNOWN_PERSON, actor_mail=None)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@use_case(Permission.PLATFORM_AUDIT_READ, AuditAction.AUDIT_EXPORT, lambda _, result: result and result.id)
async def record_export(ctx: Context, command: ExportAudit) -> ExportRecorded:
    """Write the export to the log before its first byte is sent."""
    taken = {name: str(value) for name, value in msgspec.structs.asdict(command.filter).items() if value is not None}
    ctx.explain(format=command.format, filter=taken)
    return ExportRecorded(id=new_id(), until=await ctx.now() + INSTANT)


async def export(contexts: ContextFactory, command: ExportAudit) -> AsyncIterator[bytes]:
    """Record the export, then stream the file. Raises Forbidden before the first byte."""
    async with contexts() as ctx:
        recorded = await record_export(ctx, command)
    return stream_export(contexts, until(command, recorded))


def until(command: ExportAudit, recorded: ExportRecorded) -> ExportAudit:
    """The command limited to rows up to the recorded export."""
    asked = command.filter.to_at
    end = recorded.until if asked is None else min(asked, recorded.until)
    return msgspec.structs.replace(command, filter=msgspec.structs.replace(command.filter, to_at=end))


async def stream_export(contexts: ContextFactory, command: ExportAudit) -> AsyncIterator[bytes]:
    """The rows as a file, batch by batch, in a transaction of its own: the response has started by then."""
    async with contexts() as ctx:
        scope = platform_scope(ctx.actor, Permission.PLATFORM_AUDIT_READ)
        batches = audit.stream_rows(ctx.session, scope, await _resolved(ctx, command.filter))
        async for part in as_file(batches, command.format, COLUMNS, _cells):
            yield part


async def as_file(  # type: ignore[no-untyped-def]
    batches, kind: Format, columns: Iterable[str], cells
) -> AsyncIterator[bytes]:
    """`batches` of structs as a file; `cells` returns the columns of one struct."""
    if kind == "csv":
        yield files.csv_lines([tuple(columns)]).encode()
    async for batch in batches:
        text = files.csv_lines(map(cells, batch)) if kind == "csv" else files.json_lines(batch)
        yield text.encode()


def _cells(row: AuditEntry) -> tuple[object, ...]:
    values = msgspec.structs.asdict(row)
    return tuple(
        " ".join(value)
        if isinstance(value, list)
        else msgspec.json.encode(value).decode()
        if isinstance(value, dict)
        else value.isoformat()
        if isinstance(value, datetime)
        else value
        for value in values.values()
    )


def write_position(row: AuditEntry) -> str:
    """The cursor for the rows after `row`."""
    return pack(row.occurred_at, row.id)


def read_position(cursor: str | None) -> Position | None:
    """The position in a cursor. Raises ValidationFailed."""
    return unpack(cursor, InstantAndId) if cursor else None
