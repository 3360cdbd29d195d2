"""Pages of the audit log, for operators, and of an organisation's activity, for its members."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from app.domains.admin.handlers.options import (
    ACTIVITY_READ,
    ACTIVITY_READ_EXPORT,
    PLATFORM_AUDIT_READ,
    PLATFORM_AUDIT_READ_EXPORT,
)
from app.domains.admin.schemas.audit import (
    ActivityPage,
    AuditPage,
    AuditQuery,
    AuditRowPage,
    ExportForm,
    audit_query,
)
from app.domains.admin.service import activity, audit
from app.web import Contexts, Ctx, Form, page

Asked = NamedDependency[AuditQuery]
CursorText = Annotated[str | None, QueryParameter(max_length=500)]
ASKED = {"asked": Provide(audit_query, sync_to_thread=False)}
PAGE = 50


@get("/admin/audit", opt=PLATFORM_AUDIT_READ, dependencies=ASKED)
async def list_audit(ctx: Ctx, asked: Asked, cursor: CursorText = None) -> Response[str]:
    """The audit log, newest first."""
    log = await audit.page_audit(ctx, asked.filter(), cursor, PAGE)
    return await page(ctx, "admin/audit.html", AuditPage.of(log, asked, await audit.list_actions(ctx), cursor))


@get("/admin/audit/{row_id:uuid}", opt=PLATFORM_AUDIT_READ)
async def show_audit_row(ctx: Ctx, row_id: FromPath[UUID]) -> Response[str]:
    """A row of the audit log."""
    return await page(ctx, "admin/audit_row.html", AuditRowPage.of(*await audit.show_audit_row(ctx, row_id)))


@post("/admin/audit/export", opt=PLATFORM_AUDIT_READ_EXPORT, status_code=200)
async def export_audit(contexts: Contexts, data: Form[ExportForm]) -> Stream:
    """Export the rows that match."""
    command = data.command()
    return as_download(await audit.export(contexts, command), "audit", command.format)


@get("/activity", opt=ACTIVITY_READ, dependencies=ASKED)
async def list_activity(ctx: Ctx, asked: Asked, cursor: CursorText = None) -> Response[str]:
    """The activity of the organisation, newest first."""
    entries = await activity.page_activity(ctx, asked.filter(), cursor, PAGE)
    return await page(ctx, "admin/activity.html", ActivityPage.of(entries, asked, cursor))


@post("/activity/export", opt=ACTIVITY_READ_EXPORT, status_code=200)
async def export_activity(contexts: Contexts, data: Form[ExportForm]) -> Stream:
    """Export the activity that matches."""
    command = data.command()
    return as_download(await activity.export(contexts, command), "activity", command.format)


def as_download(parts: object, name: str, kind: str) -> Stream:
    """A download, streamed."""
    return Stream(
        parts,  # type: ignore[arg-type]  # an asynchronous iterator of bytes
        media_type=audit.MEDIA[kind],
        headers={
            "content-disposition": f'attachment; filename="berth-{name}.{kind}"',
            "cache-control": "no-store",
            "x-accel-buffering": "no",
        },
    )


ROUTES = [list_audit, show_audit_row, export_audit, list_activity, export_activity]
