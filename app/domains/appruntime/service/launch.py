"""Launch: name, quota, size of the machine, the row, its owner and the request for the workflow, in one transaction."""

from app.domains.appruntime.contracts import AppId, AppView, LaunchApp, Launched, ManifestView
from app.domains.appruntime.errors import AppNameInUse, MachineTooSmall, TooManyApps
from app.domains.appruntime.events import AppRequested
from app.domains.appruntime.policies import MAX_APPS
from app.domains.appruntime.repository import AppRepository, ManifestRepository, MemberRepository
from app.domains.appruntime.rules.manifests import check
from app.domains.appruntime.rules.names import RULE, is_name, suggest
from app.domains.appruntime.service import transitions
from app.domains.appruntime.service.addresses import origin_of
from app.domains.provisioning import public as provisioning
from app.domains.provisioning.contracts import AccessTarget
from app.shared.audit import AuditAction
from app.shared.authz import Permission, project_scope
from app.shared.context import Context
from app.shared.errors import Forbidden
from app.shared.errors.faults import Faults, named
from app.shared.ids import new_id
from app.shared.text import given
from app.shared.use_case import use_case


@use_case(Permission.APP_RUN, AuditAction.APP_LAUNCH, lambda _command, result: result.app_id if result else None)
async def launch(ctx: Context, command: LaunchApp) -> Launched:
    """Run an app on a machine of the project. Who launches it owns it.

    Raises NotFound, NotActive (the machine), ValidationFailed, TooManyApps, AppNameInUse, MachineTooSmall.
    """
    scope = project_scope(ctx.actor, Permission.APP_RUN)
    target, manifest = await _found(ctx, command)
    needed = check(manifest.body).needs.gpus
    machine = await provisioning.get_machine(ctx, command.allocation_id)
    if machine.gpus < needed:
        raise MachineTooSmall(needed_gpus=needed, gpus=machine.gpus)
    repository = AppRepository(ctx.session)
    await repository.lock_project(scope.project_id)
    taken = await repository.live_names(scope)
    if len(taken) >= await ctx.policy(MAX_APPS, scope.tenant_id, scope.project_id):
        raise TooManyApps(apps=len(taken))
    name = given(command.name) or suggest(manifest.slug, taken)
    if name in taken:
        raise AppNameInUse(name=name)
    app = await _new_app(ctx, manifest, target, name)
    await repository.append(app)
    await MemberRepository(ctx.session).set(app, app.user_id, "owner", app.requested_at)
    await transitions.emit_change(
        ctx, app, AppRequested(app_id=app.id, allocation_id=app.allocation_id, user_id=app.user_id)
    )
    await transitions.drive(ctx, app, "start")
    url = origin_of(ctx.settings.web, app.handle)
    return Launched(app_id=app.id, name=app.name, state=app.state, url=url)


async def _found(ctx: Context, command: LaunchApp) -> tuple[AccessTarget, ManifestView]:
    """Where it is to run, and what. Raises ValidationFailed naming every field at fault, NotActive."""
    repository, name = ManifestRepository(ctx.session), command.name
    versions = [found.version for found in await repository.list_all() if found.slug == command.slug]
    wanted = given(command.version) or next(iter(versions), "")
    with Faults() as faults:
        with faults.gathered(), named("allocation_id", "There is no such machine in this project."):
            target = await provisioning.get_access_target(ctx, command.allocation_id)
        faults.unless(bool(versions), "slug", "There is no such app.")
        faults.unless(not versions or wanted in versions, "version", f"Versions of it: {', '.join(versions)}.")
        faults.unless(not name or is_name(name), "name", RULE)
    return target, await repository.get(command.slug, wanted)


async def _new_app(ctx: Context, manifest: ManifestView, target: AccessTarget, name: str) -> AppView:
    if ctx.actor.id is None:
        raise Forbidden()
    now, app_id = await ctx.now(), AppId(new_id())
    return AppView(
        id=app_id,
        handle=app_id.hex[-12:],
        tenant_id=target.tenant_id,
        project_id=target.project_id,
        allocation_id=target.allocation_id,
        user_id=ctx.actor.id,
        manifest_id=manifest.id,
        slug=manifest.slug,
        manifest_version=manifest.version,
        title=manifest.title,
        name=name,
        login=target.login,
        state="requested",
        wanted="running",
        run=1,
        state_changed_at=now,
        exit_code=None,
        failure_text=None,
        correlation_id=ctx.trace.correlation_id,
        requested_at=now,
        running_at=None,
        ended_at=None,
        version=1,
    )
