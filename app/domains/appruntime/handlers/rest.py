"""Apps for programs."""

from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, QueryParameter

from app.domains.appruntime.contracts import (
    Action,
    ActOnApp,
    AppChanged,
    Launched,
    LogPart,
    MemberChanged,
    RemoveMember,
)
from app.domains.appruntime.handlers.options import APP_LOGS, APP_READ, APP_RUN
from app.domains.appruntime.schemas import (
    AppAnswer,
    AppMemberBody,
    AppMembersAnswer,
    AppsAnswer,
    CatalogAnswer,
    LaunchAppBody,
    app_answer,
    apps_answer,
    catalog_answer,
    members_answer,
)
from app.domains.appruntime.service import actions, launch, logs, manifests, people, views
from app.shared.paging import cut
from app.web import Contexts, Ctx, Json
from app.web.paging import Cursor, Limit

Machine = Annotated[UUID | None, QueryParameter(name="machine", description="only those on this machine")]
Live = Annotated[bool, QueryParameter(description="only those that are not released")]
Offset = Annotated[int, QueryParameter(ge=-1, description="`next` of the part before; -1: the end of it")]
Bytes = Annotated[int, QueryParameter(ge=1, le=logs.LARGEST, description="bytes at most")]
Wait = Annotated[int, QueryParameter(ge=0, le=25, description="seconds to wait for more when there is none yet")]


@get("/apps/catalog", opt=APP_READ)
async def list_app_catalog(ctx: Ctx) -> CatalogAnswer:
    """Apps that can be launched, with their versions."""
    return catalog_answer(await manifests.all_versions(ctx))


@get("/apps", opt=APP_READ)
async def list_apps(
    ctx: Ctx, cursor: Cursor = None, limit: Limit = 50, machine: Machine = None, live: Live = False
) -> AppsAnswer:
    """The apps that one may see, newest first."""
    found = await views.page_apps(ctx, cursor, limit + 1, allocation_id=machine, live=live)
    return apps_answer(cut(found, limit, lambda shown: shown.app.id))


@post("/apps", opt=APP_RUN)
async def launch_app(ctx: Ctx, data: Json[LaunchAppBody]) -> Response[Launched]:
    """Run an app on a machine."""
    return Response(await launch.launch(ctx, data.command()), status_code=201)


@get("/apps/{app_id:uuid}", opt=APP_READ)
async def get_app(ctx: Ctx, app_id: FromPath[UUID]) -> AppAnswer:
    """One app with its steps and members."""
    detail = await views.get_detail(ctx, app_id)
    return app_answer(detail.shown, detail.steps)


async def _act(ctx: Ctx, app_id: UUID, action: Action) -> AppChanged:
    return await actions.act(ctx, ActOnApp(app_id=app_id, action=action))


@post("/apps/{app_id:uuid}/stop", opt=APP_RUN, status_code=200)
async def stop_app(ctx: Ctx, app_id: FromPath[UUID]) -> AppChanged:
    """End its processes; it can be started again."""
    return await _act(ctx, app_id, "stop")


@post("/apps/{app_id:uuid}/start", opt=APP_RUN, status_code=200)
async def start_app(ctx: Ctx, app_id: FromPath[UUID]) -> AppChanged:
    """Start one that is stopped or has failed."""
    return await _act(ctx, app_id, "start")


@post("/apps/{app_id:uuid}/restart", opt=APP_RUN, status_code=200)
async def restart_app(ctx: Ctx, app_id: FromPath[UUID]) -> AppChanged:
    """Stop it and start it again."""
    return await _act(ctx, app_id, "restart")


@post("/apps/{app_id:uuid}/release", opt=APP_RUN, status_code=200)
async def release_app(ctx: Ctx, app_id: FromPath[UUID]) -> AppChanged:
    """End it for good; files in the home stay."""
    return await _act(ctx, app_id, "release")


@get("/apps/{app_id:uuid}/logs", opt=APP_LOGS)
async def get_app_logs(
    contexts: Contexts, state: State, app_id: FromPath[UUID], offset: Offset = 0, limit: Bytes = 65_536, wait: Wait = 0
) -> LogPart:
    """Its output from an offset on, read from the machine; follow it with `next` and `wait`."""
    return await logs.read_log(contexts, state.runtime, app_id, offset, limit, wait)


@get("/apps/{app_id:uuid}/members", opt=APP_READ)
async def list_app_members(ctx: Ctx, app_id: FromPath[UUID]) -> AppMembersAnswer:
    """Who may do what with it."""
    return members_answer(await views.get_app(ctx, app_id))


@put("/apps/{app_id:uuid}/members", opt=APP_RUN)
async def set_app_member(ctx: Ctx, app_id: FromPath[UUID], data: Json[AppMemberBody]) -> MemberChanged:
    """Add a person of the project, or change the role."""
    return await people.set_member(ctx, data.command(app_id))


@delete("/apps/{app_id:uuid}/members/{user_id:uuid}", opt=APP_RUN, status_code=200)
async def remove_app_member(ctx: Ctx, app_id: FromPath[UUID], user_id: FromPath[UUID]) -> MemberChanged:
    """Remove a person; their open connections end within seconds."""
    return await people.remove_member(ctx, RemoveMember(app_id=app_id, user_id=user_id))


ROUTES = [
    list_app_catalog, list_apps, launch_app, get_app, stop_app, start_app, restart_app, release_app, get_app_logs,
    list_app_members, set_app_member, remove_app_member,
]  # fmt: skip
