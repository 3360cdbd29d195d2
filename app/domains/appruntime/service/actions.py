"""Stop, start, restart, release: what a person asks of an app. The state moves here, the machine follows."""

from app.domains.appruntime.contracts import ActOnApp, AppChanged, AppView
from app.domains.appruntime.repository import AppRepository, StepRepository
from app.domains.appruntime.rules.states import DOWN, WANTED, as_state, begin
from app.domains.appruntime.service import transitions
from app.domains.appruntime.service.people import manageable
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.context import Context
from app.shared.use_case import use_case


@use_case(Permission.APP_RUN, AuditAction.APP_ACT, lambda command, _result: command.app_id)
async def act(ctx: Context, command: ActOnApp) -> AppChanged:
    """Carry out one action. Safe to repeat while it is under way. Raises NotFound, Forbidden, AppActionRefused."""
    found = await manageable(ctx, command.app_id)
    app = await AppRepository(ctx.session).get(found.id, lock=True)
    ctx.explain(action=command.action)
    state = as_state(app.state)
    following = begin(state, command.action)
    wanted = WANTED[command.action]
    if following == "released":
        return _changed(await transitions.release(ctx, app, "customer"))
    if following == "requested":
        return _changed(await request(ctx, app))
    if state == "stopping" and app.wanted == "released":
        wanted = "released"  # a release that is under way is not taken back
    if state != "stopping":
        await StepRepository(ctx.session).stop(app.id, "ended", await ctx.now())
    app = await transitions.enter(ctx, app, following, wanted=wanted)
    if state != "stopping":
        await transitions.begin_step(ctx, app, "stop", "Stop it")
        await transitions.drive(ctx, app, "stop")
    return _changed(app)


async def request(ctx: Context, app: AppView) -> AppView:
    """Another run of a locked app that is down."""
    if app.state not in DOWN:
        return app
    app = await transitions.enter(
        ctx, app, "requested", wanted="running", run=app.run + 1, exit_code=None, failure_text=None, running_at=None
    )
    await transitions.drive(ctx, app, "start")
    return app


def _changed(app: AppView) -> AppChanged:
    return AppChanged(app_id=app.id, state=app.state)
