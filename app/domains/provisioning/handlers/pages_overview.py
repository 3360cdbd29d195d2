"""The first page, its part that moves, and putting the list of first steps away."""

from litestar import Response, get, post

from app.domains.provisioning.handlers.options import ALLOCATION_READ, PROFILE
from app.domains.provisioning.schemas.overview import OverviewPage
from app.domains.provisioning.service.overview import HideFirstSteps, hide_first_steps, overview
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.web import Ctx, fragment, page, redirect

TEMPLATE = "provisioning/overview.html"


@get("/", opt=PROFILE, name="provisioning:overview")
async def overview_handler(ctx: Ctx) -> Response[str]:
    """Active machines and runway; an actor without access to machines is redirected to a page they can see."""
    if ctx.actor.tenant_id is None:
        return redirect(ctx, "/admin" if may(ctx.actor, Permission.PLATFORM_CONSOLE) else "/invitations")
    if not may(ctx.actor, Permission.ALLOCATION_READ):
        return redirect(ctx, "/billing")
    return await page(ctx, TEMPLATE, OverviewPage.of(await overview(ctx)))


@get("/overview/now", opt=ALLOCATION_READ)
async def overview_now(ctx: Ctx) -> Response[str]:
    """The part of the overview that moves."""
    return await fragment(ctx, TEMPLATE, "now", OverviewPage.of(await overview(ctx)))


@post("/overview/steps/hide", opt=ALLOCATION_READ)
async def hide_steps(ctx: Ctx) -> Response[str]:
    """Put the list away."""
    await hide_first_steps(ctx, HideFirstSteps())
    return redirect(ctx, "/")


ROUTES = [overview_handler, overview_now, hide_steps]
