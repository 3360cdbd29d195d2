"""Page of the system: dependencies, processes, versions, announcements, and the faults of simulators."""

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, HeaderParameter

from app.domains.admin.handlers.options import PLATFORM_SYSTEM_MANAGE, PLATFORM_SYSTEM_READ
from app.domains.admin.schemas.operations import AnnounceForm, FaultForm, SystemPage
from app.domains.admin.service import announcements, system
from app.domains.admin.service.announcements import Withdraw
from app.web import Contexts, Ctx, Form, page, public, redirect
from app.web.shell import seen_cookie
from app.web.types import AnyRequest

PATH = "/admin/system"
Referer = Annotated[str, HeaderParameter(name="referer")]
MONTH = 30 * 24 * 3_600
MAX_DISMISSED = 8  # ids in the cookie


@get(PATH, opt=PLATFORM_SYSTEM_READ)
async def show_system(contexts: Contexts) -> Response[str]:
    """The health and the versions of the installation."""
    faults, simulators = await system.list_faults(contexts)
    async with contexts() as ctx:
        struct = SystemPage.of(await system.show_system(ctx), faults, simulators, ctx.actor)
        return await page(ctx, "admin/system.html", struct)


@post("/admin/system/announcements", opt=PLATFORM_SYSTEM_MANAGE)
async def announce(ctx: Ctx, data: Form[AnnounceForm]) -> Response[str]:
    """Publish an announcement."""
    await announcements.announce(ctx, data.command())
    return redirect(ctx, PATH)


@post("/admin/system/announcements/{announcement_id:uuid}/withdraw", opt=PLATFORM_SYSTEM_MANAGE)
async def withdraw(ctx: Ctx, announcement_id: FromPath[UUID]) -> Response[str]:
    """Withdraw an announcement."""
    await announcements.withdraw(ctx, Withdraw(announcement_id=announcement_id))
    return redirect(ctx, PATH)


@post("/admin/system/faults", opt=PLATFORM_SYSTEM_MANAGE)
async def set_fault(contexts: Contexts, data: Form[FaultForm]) -> Response[str]:
    """Switch a fault of a simulator on or off."""
    await system.set_fault(contexts, data.command())
    async with contexts() as ctx:
        return redirect(ctx, PATH)


@post(
    "/announcements/{announcement_id:uuid}/dismiss",
    opt=public("only a cookie of one's own browser", viewing=True),
)
async def dismiss(
    request: AnyRequest, ctx: Ctx, announcement_id: FromPath[UUID], referer: Referer = ""
) -> Response[str]:
    """Hide this announcement in this browser, and go back to the page."""
    settings, path = ctx.settings.web, urlsplit(referer).path
    answer = redirect(ctx, path if path.startswith("/") and path[:2] != "//" else "/")
    name = seen_cookie(settings.instance)
    seen = [announcement_id.hex, *request.cookies.get(name, "").split(".")][:MAX_DISMISSED]
    answer.set_cookie(
        key=name, value=".".join(filter(None, seen)), max_age=MONTH, path="/", secure=settings.secure, samesite="lax"
    )
    return answer


ROUTES = [show_system, announce, withdraw, set_fault, dismiss]
