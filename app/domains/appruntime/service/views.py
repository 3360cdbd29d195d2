"""What pages and the API show of apps. Reads only, and only what the actor may see."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.appruntime.contracts import AppView, ManifestView, MemberRole, StepView
from app.domains.appruntime.repository import AppRepository, ManifestRepository, MemberRepository, StepRepository
from app.domains.appruntime.rules.messages import without_last_line
from app.domains.appruntime.rules.names import suggest
from app.domains.appruntime.service.addresses import origin_of
from app.domains.appruntime.service.manifests import all_versions
from app.domains.appruntime.service.people import oversees, visible
from app.domains.auth import public as auth
from app.domains.auth.contracts import PersonView
from app.domains.provisioning import public as provisioning
from app.domains.provisioning.contracts import MachineView
from app.shared.authz import Permission, project_scope
from app.shared.authz.scope import may
from app.shared.context import Context


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One person of an app, with a name to show."""

    user_id: UUID
    name: str
    email: str
    role: MemberRole


class App(msgspec.Struct, frozen=True, kw_only=True):
    """One app with its machine and its people. `role` is the actor's own; empty for who only oversees."""

    app: AppView
    machine: MachineView | None
    members: tuple[Member, ...]
    role: str
    may_manage: bool
    may_open: bool
    may_log: bool
    url: str
    open_url: str


class AppDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One app with everything its page shows."""

    shown: App
    manifest: ManifestView
    steps: list[StepView]
    usual: dict[str, float]
    others: list[PersonView]  # who could be added
    at: datetime


class LaunchChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What the launch form offers."""

    versions: dict[str, list[ManifestView]]
    machines: list[MachineView]
    slug: str
    version: str
    allocation_id: UUID | None
    name: str


async def page_apps(
    ctx: Context, before: UUID | None, limit: int, *, allocation_id: UUID | None = None, live: bool = False
) -> list[App]:
    """The apps that the actor may see, newest first."""
    scope = project_scope(ctx.actor, Permission.APP_READ)
    member = None if oversees(ctx) else ctx.actor.id
    rows = await AppRepository(ctx.session).page(
        scope, before=before, limit=limit, member=member, allocation_id=allocation_id, live=live
    )
    return await _show(ctx, rows)


async def apps_on(ctx: Context, allocation_id: UUID) -> tuple[MachineView, list[App]]:
    """A machine of the project and the apps on it. Raises NotFound."""
    machine = await provisioning.get_machine(ctx, allocation_id)
    return machine, await page_apps(ctx, None, 200, allocation_id=allocation_id)


async def get_app(ctx: Context, app_id: UUID) -> App:
    """One app. Raises NotFound."""
    app, _ = await visible(ctx, app_id)
    return (await _show(ctx, [app]))[0]


async def get_detail(ctx: Context, app_id: UUID) -> AppDetail:
    """One app with its steps and people. Raises NotFound."""
    shown = await get_app(ctx, app_id)
    app, steps = shown.app, StepRepository(ctx.session)
    members = {member.user_id for member in shown.members}
    people = await auth.people_of_project(ctx, app.tenant_id, app.project_id) if shown.may_manage else []
    return AppDetail(
        shown=shown,
        manifest=await ManifestRepository(ctx.session).get_by_id(app.manifest_id),
        steps=_steps(await steps.steps(app.id), logs=shown.may_log),
        usual=await steps.usual_seconds(app.manifest_id),
        others=[person for person in people if person.id not in members],
        at=await ctx.now(),
    )


def _without_log(app: AppView) -> AppView:
    return msgspec.structs.replace(app, failure_text=app.failure_text and without_last_line(app.failure_text))


def _steps(steps: list[StepView], *, logs: bool) -> list[StepView]:
    if logs:
        return steps
    return [msgspec.structs.replace(step, detail=step.detail and without_last_line(step.detail)) for step in steps]


async def launch_choices(ctx: Context, slug: str, version: str, allocation_id: UUID | None, name: str) -> LaunchChoices:
    """The form with the choice so far; what is not chosen is suggested."""
    scope = project_scope(ctx.actor, Permission.APP_RUN)
    versions = await all_versions(ctx)
    machines = await provisioning.list_active_machines(ctx)
    slug = slug if slug in versions else next(iter(_by_title(versions)), "")
    known = [manifest.version for manifest in versions.get(slug, [])]
    ids = [machine.id for machine in machines]
    return LaunchChoices(
        versions=versions,
        machines=machines,
        slug=slug,
        version=version if version in known else (known[0] if known else ""),
        allocation_id=allocation_id if allocation_id in ids else (ids[0] if ids else None),
        name=name or (suggest(slug, await AppRepository(ctx.session).live_names(scope)) if slug else ""),
    )


def _by_title(versions: dict[str, list[ManifestView]]) -> list[str]:
    """JupyterLab is what people come for; the rest by title."""
    return sorted(versions, key=lambda slug: (slug != "jupyterlab", versions[slug][0].title))


async def _show(ctx: Context, rows: Sequence[AppView]) -> list[App]:
    members = await MemberRepository(ctx.session).list_of([row.id for row in rows])
    people = await auth.people(ctx, {member.user_id for member in members})
    machines = await provisioning.machines_by_id(ctx, {row.allocation_id for row in rows})
    runs, opens, over = may(ctx.actor, Permission.APP_RUN), may(ctx.actor, Permission.APP_OPEN), oversees(ctx)
    shown, logs = [], may(ctx.actor, Permission.APP_LOGS)
    for row in rows:
        own = [
            Member(user_id=one.user_id, name=person.name, email=person.email, role=one.role)
            for one in members
            if one.app_id == row.id and (person := people.get(one.user_id)) is not None
        ]
        roles = {one.user_id: one.role for one in members if one.app_id == row.id}
        role = roles.get(ctx.actor.id, "") if ctx.actor.id else ""  # type: ignore[call-overload]  # ids are ids
        shown.append(
            App(
                app=row if logs else _without_log(row),
                machine=machines.get(row.allocation_id),
                members=tuple(own),
                role=role,
                may_manage=runs and (role == "owner" or over),
                may_open=opens and role in ("owner", "user"),
                may_log=logs,
                url=origin_of(ctx.settings.web, row.handle),
                open_url=f"{ctx.settings.web.public_url}/apps/{row.id}/open",
            )
        )
    return shown
