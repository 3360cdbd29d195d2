"""API of the inbox and the preferences."""

from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath

from app.domains.notification.handlers.options import PROFILE, Unread
from app.domains.notification.schemas.inbox import (
    InboxAnswer,
    ItemAnswer,
    PreferencesAnswer,
    PreferencesBody,
    ReadAllBody,
)
from app.domains.notification.service import inbox, preferences
from app.domains.notification.service.inbox import ReadItem, ReadResult
from app.web import Ctx, Json
from app.web.etag import IfMatch, seen_version, tagged
from app.web.paging import Cursor, Limit


@get("/notifications", opt=PROFILE)
async def list_notifications(ctx: Ctx, cursor: Cursor = None, limit: Limit = 50, unread: Unread = False) -> InboxAnswer:
    """List your inbox in your current organisation, newest first."""
    rows = await inbox.list_items(ctx, cursor, limit, unread=unread)
    return InboxAnswer.of(rows, await inbox.count_unread(ctx))


@get("/notifications/preferences", opt=PROFILE)
async def get_preferences(ctx: Ctx) -> Response[PreferencesAnswer]:
    """Get how you are notified, per kind of event."""
    view = await preferences.get_preferences(ctx)
    return tagged(PreferencesAnswer.of(view), view.version)


@put("/notifications/preferences", opt=PROFILE)
async def put_preferences(
    ctx: Ctx, data: Json[PreferencesBody], if_match: IfMatch = None
) -> Response[PreferencesAnswer]:
    """Replace your notification preferences."""
    command = data.command(seen_version(if_match))
    view = await preferences.set_preferences(ctx, command)
    return tagged(PreferencesAnswer.of(view), view.version)


@get("/notifications/{item_id:uuid}", opt=PROFILE)
async def get_notification(ctx: Ctx, item_id: FromPath[UUID]) -> ItemAnswer:
    """Get an inbox item."""
    return ItemAnswer.of(await inbox.get_item(ctx, item_id))


@post("/notifications/read", opt=PROFILE, status_code=200)
async def read_notifications(ctx: Ctx, data: Json[ReadAllBody]) -> ReadResult:
    """Mark every item read, or every item up to one."""
    return await inbox.read_all(ctx, data.command())


@post("/notifications/{item_id:uuid}/read", opt=PROFILE, status_code=200)
async def read_notification(ctx: Ctx, item_id: FromPath[UUID]) -> ReadResult:
    """Mark one item read."""
    return await inbox.read_item(ctx, ReadItem(id=item_id))


ROUTES = [
    list_notifications,
    get_preferences,
    put_preferences,
    get_notification,
    read_notifications,
    read_notification,
]
