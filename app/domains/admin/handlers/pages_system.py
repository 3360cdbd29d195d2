"""Dependencies, processes, versions, announcements; in development the simulators' faults."""

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, HeaderParameter

from app.domains.admin.contracts.operations import Withdraw
from app.domains.admin.handlers.options import PLATFORM_SYSTEM_MANAGE, PLATFORM_SYSTEM_READ
from app.domains.admin.schemas.operations import AnnounceForm, FaultForm, SystemPage
from app.domains.admin.service import system
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Contexts, Ctx, Form, page, public, redirect
from app.web.shell import seen_cookie
from app.web.types import AnyRequest

PATH = "/admin/system"
Referer = Annotated[str, HeaderParameter(name="referer")]
MONTH = 30 * 24 * 3_600
KEPT = 8  # ids of dismissed announcements in the cookie


@get(PATH, opt=PLATFORM_SYSTEM_READ)
async def show_system(contexts: Contexts) -> Response[str]:
    """How everything is."""
    faults, simulators = await system.list_faults(contexts)
    async with contexts() as ctx:
        struct = SystemPage(
            system=await system.show_system(ctx),
            faults=faults,
            simulators=simulators,
            may_manage=may(ctx.actor, Permission.PLATFORM_SYSTEM_MANAGE),
            env=ctx.settings.env,
        )
        return await page(ctx, "admin/system.html", struct)


@post("/admin/system/announcements", opt=PLATFORM_SYSTEM_MANAGE)
async def announce(ctx: Ctx, data: Form[AnnounceForm]) -> Response[str]:
    """Put a message on every page."""
    await system.announce(ctx, data.command())
    return redirect(ctx, PATH)


@post("/admin/system/announcements/{announcement_id:uuid}/withdraw", opt=PLATFORM_SYSTEM_MANAGE)
async def withdraw(ctx: Ctx, announcement_id: FromPath[UUID]) -> Response[str]:
    """Take a message away."""
    await system.withdraw(ctx, Withdraw(announcement_id=announcement_id))
    return redirect(ctx, PATH)


@post("/admin/system/faults", opt=PLATFORM_SYSTEM_MANAGE)
async def set_fault(contexts: Contexts, data: Form[FaultForm]) -> Response[str]:
    """Switch a fault on or off, in development."""
    await system.set_fault(contexts, data.command())
    async with contexts() as ctx:
        return redirect(ctx, PATH)


@post(
    "/announcements/{announcement_id:uuid}/dismiss",
    opt=public("one's own browser forgets a message", viewing=True),
)
async def dismiss(
    request: AnyRequest, ctx: Ctx, announcement_id: FromPath[UUID], referer: Referer = ""
) -> Response[str]:
    """Do not show this message in this browser any more; back to where the person was."""
    settings, path = ctx.settings.web, urlsplit(referer).path
    answer = redirect(ctx, path if path.startswith("/") and path[:2] != "//" else "/")
    name = seen_cookie(settings.instance)
    seen = [announcement_id.hex, *request.cookies.get(name, "").split(".")][:KEPT]
    answer.set_cookie(
        key=name, value=".".join(filter(None, seen)), max_age=MONTH, path="/", secure=settings.secure, samesite="lax"
    )
    return answer


ROUTES = [show_system, announce, withdraw, set_fault, dismiss]
