"""API of the audit log and of the activity."""

from litestar import get, post
from litestar.di import NamedDependency
from litestar.response import Stream

from app.domains.admin.handlers.options import (
    ACTIVITY_READ,
    ACTIVITY_READ_EXPORT,
    PLATFORM_AUDIT_READ,
    PLATFORM_AUDIT_READ_EXPORT,
)
from app.domains.admin.handlers.pages_audit import ASKED, as_download
from app.domains.admin.schemas.audit import AuditQuery, ExportBody
from app.domains.admin.service import activity, audit
from app.domains.admin.service.activity import ActivityList
from app.domains.admin.service.audit import AuditList
from app.web import Contexts, Ctx, Json
from app.web.paging import CursorText, Limit

Asked = NamedDependency[AuditQuery]


@get("/admin/audit", opt=PLATFORM_AUDIT_READ, dependencies=ASKED)
async def list_audit(ctx: Ctx, asked: Asked, cursor: CursorText = None, limit: Limit = 50) -> AuditList:
    """List the audit log, newest first; `names` has the current names of the ids in the rows."""
    return await audit.page_audit(ctx, asked.filter(), cursor, limit)


@post("/admin/audit/export", opt=PLATFORM_AUDIT_READ_EXPORT, status_code=200)
async def export_audit(contexts: Contexts, data: Json[ExportBody]) -> Stream:
    """Export the rows that match as CSV or JSON lines, streamed. The export is a row of the log as well."""
    command = data.command()
    return as_download(await audit.export(contexts, command), "audit", command.format)


@get("/activity", opt=ACTIVITY_READ, dependencies=ASKED)
async def list_activity(ctx: Ctx, asked: Asked, cursor: CursorText = None, limit: Limit = 50) -> ActivityList:
    """List the actions in the organisation, newest first, in plain language."""
    return await activity.page_activity(ctx, asked.filter(), cursor, limit)


@post("/activity/export", opt=ACTIVITY_READ_EXPORT, status_code=200)
async def export_activity(contexts: Contexts, data: Json[ExportBody]) -> Stream:
    """Export the activity that matches as CSV or JSON lines, streamed."""
    command = data.command()
    return as_download(await activity.export(contexts, command), "activity", command.format)


ROUTES = [list_audit, export_audit, list_activity, export_activity]
