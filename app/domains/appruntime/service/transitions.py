"""Moving an app through its states: under its lock, one version at a time, told to the others."""

from uuid import UUID

from app.domains.appruntime.contracts import DRIVE, AppView, Drive, drive_workflow_id
from app.domains.appruntime.errors import NoLongerWanted
from app.domains.appruntime.events import AppFailed, AppReleased, AppStateChanged
from app.domains.appruntime.policies import START_SECONDS
from app.domains.appruntime.repository import AppRepository, StepRepository
from app.domains.appruntime.rules.states import COMING, State, as_state, move
from app.shared.context import Context
from app.shared.events import Event
from app.shared.outbox import WorkflowCall
from app.shared.telemetry.trace import Trace, new_trace


def trace_of(drive: Drive) -> Trace:
    """The story of the click that led here."""
    return new_trace(drive.correlation_id)


async def lock_run(ctx: Context, drive: Drive) -> AppView:
    """The app, locked, while this run is still the one that is wanted up. Raises NoLongerWanted, NotFound."""
    app = await AppRepository(ctx.session).get(UUID(drive.app_id), lock=True)
    if app.run != drive.run or app.state not in COMING:
        raise NoLongerWanted()
    return app


async def enter(ctx: Context, app: AppView, state: State, **changes: object) -> AppView:
    """Move to `state` (staying is no move) and tell it. Raises IllegalMove."""
    if app.state != state:
        move(as_state(app.state), state)
    app = await AppRepository(ctx.session).change(app, await ctx.now(), state=state, **changes)
    await emit_change(ctx, app, AppStateChanged(app_id=app.id, allocation_id=app.allocation_id, state=app.state))
    return app


async def emit_change(ctx: Context, app: AppView, event: Event) -> None:
    """Emit a fact with the app's version and place."""
    await ctx.emit(event, version=app.version, tenant_id=app.tenant_id, project_id=app.project_id)


async def begin_step(ctx: Context, app: AppView, step: str, label: str) -> None:
    """Note that a step of the present run begins now."""
    await StepRepository(ctx.session).begin(app, step, label, await ctx.now())


async def finish_step(ctx: Context, app: AppView, step: str, detail: str = "") -> None:
    """Note that a step is done well."""
    await StepRepository(ctx.session).finish(app, step, "active", await ctx.now(), detail)


async def fail(ctx: Context, app: AppView, text: str, code: int | None = None) -> AppView:
    """It did not come up, or ended by itself."""
    await StepRepository(ctx.session).stop(app.id, "failed", await ctx.now(), text)
    app = await enter(ctx, app, "failed", failure_text=text[:1000], exit_code=code)
    event = AppFailed(app_id=app.id, allocation_id=app.allocation_id, user_id=app.user_id, exit_code=code)
    await emit_change(ctx, app, event)
    return app


async def release(ctx: Context, app: AppView, reason: str, text: str | None = None) -> AppView:
    """It is gone for good."""
    now = await ctx.now()
    await StepRepository(ctx.session).stop(app.id, "ended", now)
    app = await enter(ctx, app, "released", wanted="released", ended_at=now, failure_text=text or app.failure_text)
    await emit_change(ctx, app, AppReleased(app_id=app.id, allocation_id=app.allocation_id, reason=reason))
    return app


async def drive(ctx: Context, app: AppView, verb: str) -> None:
    """Ask for the workflow that brings the app up or down; a second request finds the first."""
    seconds = await ctx.policy(START_SECONDS, app.tenant_id, app.project_id)
    argument: dict[str, object] = {
        "app_id": str(app.id),
        "verb": verb,
        "run": app.run,
        "correlation_id": ctx.trace.correlation_id,
        "seconds": seconds,
        "text": "",
    }
    workflow_id = drive_workflow_id(app.id, verb, app.run)
    call = WorkflowCall(verb="start", workflow_id=workflow_id, workflow=DRIVE, argument=argument)
    await ctx.call_workflow(call, aggregate_id=app.id)
