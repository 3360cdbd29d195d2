"""The gallery, the launch form, one app, its log, its people, and the way to its own origin."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, QueryParameter

from app.domains.appruntime.contracts import OpenApp
from app.domains.appruntime.handlers.options import APP_LOGS, APP_OPEN, APP_READ, APP_RUN
from app.domains.appruntime.schemas import (
    ActForm,
    AppMemberForm,
    GalleryPage,
    LaunchAppForm,
    LogPage,
    MachineAppsPage,
    app_page,
    app_row,
    gallery_page,
    is_moving,
    launch_app_page,
)
from app.domains.appruntime.service import actions, app_sign_in, launch, logs, manifests, people, views
from app.domains.provisioning import public as provisioning
from app.shared.authz import Permission
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.paging import cut
from app.web import Contexts, Ctx, Form, fragment, page, redirect
from app.web.paging import Cursor
from app.web.query import Text

Machine = Annotated[UUID | None, QueryParameter(name="machine")]
Next = Annotated[str, QueryParameter(name="next", max_length=2_000)]
Keeps = Annotated[str, QueryParameter(name="browser", max_length=64)]


GALLERY, LAUNCH, DETAIL, MACHINE = (f"appruntime/{name}.html" for name in ("gallery", "launch", "app", "machine"))
PAGE = 50
TAIL = 16_384


async def _gallery(ctx: Context, cursor: UUID | None) -> GalleryPage:
    found = cut(await views.page_apps(ctx, cursor, PAGE + 1), PAGE, lambda shown: shown.app.id)
    return gallery_page(
        await manifests.catalog(ctx),
        found,
        is_first=cursor is None,
        may_run=may(ctx.actor, Permission.APP_RUN),
        has_machine=bool(await provisioning.list_active_machines(ctx)),
    )


@get("/apps", opt=APP_READ, name="appruntime:gallery")
async def gallery(ctx: Ctx, cursor: Cursor = None) -> Response[str]:
    """What is on offer, and one's apps."""
    return await page(ctx, GALLERY, await _gallery(ctx, cursor))


@get("/apps/now", opt=APP_READ)
async def gallery_now(ctx: Ctx, cursor: Cursor = None) -> Response[str]:
    """The list alone."""
    return await fragment(ctx, GALLERY, "now", await _gallery(ctx, cursor))


@get("/apps/launch", opt=APP_RUN)
async def launch_form(
    ctx: Ctx, app: Text = "", version: Text = "", machine: Machine = None, name: Text = ""
) -> Response[str]:
    """The form, with what the choice in the address means."""
    choices = await views.launch_choices(ctx, app, version, machine, name)
    return await page(ctx, LAUNCH, launch_app_page(choices))


@post("/apps/launch", opt=APP_RUN)
async def launch_app(ctx: Ctx, data: Form[LaunchAppForm]) -> Response[str]:
    """Launch, then to the app's page."""
    launched = await launch.launch(ctx, data.command())
    return redirect(ctx, f"/apps/{launched.app_id}")


@get("/apps/{app_id:uuid}", opt=APP_READ, name="appruntime:app")
async def app_detail(ctx: Ctx, app_id: FromPath[UUID]) -> Response[str]:
    """One app."""
    return await page(ctx, DETAIL, app_page(await views.get_detail(ctx, app_id)))


@get("/apps/{app_id:uuid}/now", opt=APP_READ)
async def app_now(ctx: Ctx, app_id: FromPath[UUID]) -> Response[str]:
    """The part of an app's page that moves."""
    return await fragment(ctx, DETAIL, "now", app_page(await views.get_detail(ctx, app_id)))


@get("/apps/{app_id:uuid}/people", opt=APP_READ)
async def app_people(ctx: Ctx, app_id: FromPath[UUID]) -> Response[str]:
    """Its people alone."""
    return await fragment(ctx, DETAIL, "people", app_page(await views.get_detail(ctx, app_id)))


@get("/apps/{app_id:uuid}/log", opt=APP_LOGS)
async def app_log(contexts: Contexts, state: State, app_id: FromPath[UUID]) -> Response[str]:
    """The end of its output, read from the machine now."""
    part, problem = await logs.tail(contexts, state.runtime, app_id, TAIL)
    async with contexts() as ctx:
        app = (await views.get_app(ctx, app_id)).app
        follows = app.state not in ("stopped", "failed", "released")
        struct = LogPage(app=app, text=part.text, problem=problem, is_cut=part.start > 0, follows=follows)
        return await fragment(ctx, "appruntime/log.html", "log", struct)


@post("/apps/{app_id:uuid}/act", opt=APP_RUN)
async def act_on_app(ctx: Ctx, app_id: FromPath[UUID], data: Form[ActForm]) -> Response[str]:
    """Stop, start, restart or release it."""
    await actions.act(ctx, data.command(app_id))
    return redirect(ctx, f"/apps/{app_id}")


@post("/apps/{app_id:uuid}/members", opt=APP_RUN)
async def set_member(ctx: Ctx, app_id: FromPath[UUID], data: Form[AppMemberForm]) -> Response[str]:
    """Add a person, change a role, or remove somebody."""
    if data.role:
        await people.set_member(ctx, data.set(app_id))
    else:
        await people.remove_member(ctx, data.remove(app_id))
    return redirect(ctx, f"/apps/{app_id}")


@get("/apps/{app_id:uuid}/open", opt=APP_OPEN, name="appruntime:open")
async def open_app(ctx: Ctx, app_id: FromPath[UUID]) -> Response[str]:
    """To the app's own origin, where the way in begins."""
    return _leave(ctx, await app_sign_in.open_app(ctx, OpenApp(app_id=app_id)))


@get("/apps/at/{handle:str}", opt=APP_OPEN)
async def open_at(ctx: Ctx, handle: FromPath[str], path: Next = "/", browser: Keeps = "") -> Response[str]:
    """From the app's own origin and back, with a code that works once and in this browser only."""
    return _leave(ctx, await app_sign_in.open_by_handle(ctx, handle, path, browser))


def _leave(ctx: Context, url: str) -> Response[str]:
    answer = redirect(ctx, url)
    answer.headers["referrer-policy"] = "no-referrer"
    answer.headers["cache-control"] = "no-store"
    return answer


@get("/machines/{allocation_id:uuid}/apps", opt=APP_READ)
async def machine_apps(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """The apps on one machine."""
    return await page(ctx, MACHINE, await _on_machine(ctx, allocation_id))


@get("/machines/{allocation_id:uuid}/apps/now", opt=APP_READ)
async def machine_apps_now(ctx: Ctx, allocation_id: FromPath[UUID]) -> Response[str]:
    """The part of it that moves."""
    return await fragment(ctx, MACHINE, "now", await _on_machine(ctx, allocation_id))


async def _on_machine(ctx: Context, allocation_id: UUID) -> MachineAppsPage:
    machine, found = await views.apps_on(ctx, allocation_id)
    runs = may(ctx.actor, Permission.APP_RUN) and machine.state == "active"
    rows, moving = tuple(app_row(shown) for shown in found), any(is_moving(shown) for shown in found)
    return MachineAppsPage(machine=machine, rows=rows, is_moving=moving, may_run=runs)


ROUTES = [
    gallery, gallery_now, launch_form, launch_app, app_detail, app_now, app_people, app_log, act_on_app, set_member,
    open_app, open_at, machine_apps, machine_apps_now,
]  # fmt: skip
