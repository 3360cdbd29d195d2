"""Pages of the inbox, the bell, and the preferences."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.domains.notification.handlers.options import PROFILE, Unread
from app.domains.notification.schemas.inbox import (
    PAGE,
    BellPage,
    InboxPage,
    PreferencesPage,
    ReadAllForm,
    preferences_of_form,
)
from app.domains.notification.service import inbox, preferences
from app.domains.notification.service.inbox import ReadItem
from app.web import Ctx, Form, fragment, page, redirect
from app.web.paging import Cursor


async def _inbox(ctx: Ctx, cursor: UUID | None, unread: bool) -> InboxPage:
    rows = await inbox.list_items(ctx, cursor, PAGE, unread=unread)
    return InboxPage.of(rows, await inbox.count_unread(ctx), only_unread=unread)


@get("/notifications", opt=PROFILE)
async def inbox_page(ctx: Ctx, cursor: Cursor = None, unread: Unread = False) -> Response[str]:
    """The inbox, newest first."""
    return await page(ctx, "notification/inbox.html", await _inbox(ctx, cursor, unread))


@get("/notifications/now", opt=PROFILE)
async def inbox_now(ctx: Ctx, unread: Unread = False) -> Response[str]:
    """The list, for live updates."""
    return await fragment(ctx, "notification/inbox.html", "now", await _inbox(ctx, None, unread))


@get("/notifications/bell", opt=PROFILE)
async def bell(ctx: Ctx) -> Response[str]:
    """The bell of the top bar."""
    return await fragment(ctx, "notification/bell.html", "bell", BellPage())


@post("/notifications/read", opt=PROFILE)
async def read_all(ctx: Ctx, data: Form[ReadAllForm]) -> Response[str]:
    """Mark the items that were shown read."""
    await inbox.read_all(ctx, data.command())
    return redirect(ctx, "/notifications")


@post("/notifications/{item_id:uuid}/open", opt=PROFILE)
async def open_item(ctx: Ctx, item_id: FromPath[UUID]) -> Response[str]:
    """Mark one item read and open its link."""
    result = await inbox.read_item(ctx, ReadItem(id=item_id))
    return redirect(ctx, result.href)


@post("/notifications/{item_id:uuid}/read", opt=PROFILE)
async def read_item(ctx: Ctx, item_id: FromPath[UUID]) -> Response[str]:
    """Mark one item read."""
    await inbox.read_item(ctx, ReadItem(id=item_id))
    return redirect(ctx, "/notifications")


@get("/settings/notifications", opt=PROFILE)
async def preferences_page(ctx: Ctx) -> Response[str]:
    """How the person is notified, per kind of event."""
    struct = PreferencesPage.of(await preferences.get_preferences(ctx))
    return await page(ctx, "notification/preferences.html", struct)


@post("/settings/notifications", opt=PROFILE)
async def set_preferences(ctx: Ctx, data: Form[dict[str, str]]) -> Response[str]:
    """Save the choices."""
    await preferences.set_preferences(ctx, preferences_of_form(data))
    return redirect(ctx, "/settings/notifications")


ROUTES = [inbox_page, inbox_now, bell, read_all, open_item, read_item, preferences_page, set_preferences]
