"""Wires domains to the frame: how a request is authenticated, and what every page's frame shows."""

from app.domains.admin import public as admin
from app.domains.auth import public as auth
from app.domains.auth.contracts import WorkspaceView
from app.domains.billing import public as billing
from app.domains.notification import public as notification
from app.shared.authz import ActorKind, Permission
from app.shared.authz.permissions import PLATFORM_ROLES
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.manifest import NavEntry
from app.web import shell as frame
from app.web.shell import Shell, initials, parse_theme

authenticate = auth.resolve_actor


def navigation() -> list[NavEntry]:
    """Every entry of every domain and of the developers' pages, in order. Read late: the registry imports all."""
    from app.portal.developers import NAVIGATION
    from app.registry import DOMAINS

    entries = [*NAVIGATION, *(entry for domain in DOMAINS for entry in domain.navigation)]
    return sorted(entries, key=lambda entry: entry.order)


async def build_shell(ctx: Context) -> Shell:
    """The frame for the person who asks: only entries that they may open."""
    web = ctx.web
    if web is None:
        raise RuntimeError("a frame belongs to a request")
    if ctx.actor.kind is ActorKind.ANONYMOUS:
        return Shell(csrf_token=web.csrf_token, theme=parse_theme(web.theme), env_name=ctx.settings.env)
    console = "operator" if web.path.startswith("/admin") else "portal"
    operator = any(binding.role in PLATFORM_ROLES for binding in ctx.actor.bindings)
    portal = console == "portal"
    workspaces = await auth.list_workspaces(ctx) if portal else []
    tenant_name, project_name, time_zone = await _here(ctx, workspaces)
    return Shell(
        csrf_token=web.csrf_token,
        theme=parse_theme(web.theme),
        env_name=ctx.settings.env,
        time_zone=time_zone,
        user_name=ctx.actor.name,
        user_initials=initials(ctx.actor.name),
        tenant_name=tenant_name,
        project_name=project_name,
        workspaces=_menu(ctx, workspaces),
        invitations=await auth.invitations_waiting(ctx) if portal else 0,
        new_project_href="/settings/organisation#projects" if may(ctx.actor, Permission.PROJECT_MANAGE) else None,
        nav=_entries(ctx, web.path, console),
        settings_nav=_entries(ctx, web.path, "settings"),
        machine_nav=_entries(ctx, web.path, "machine"),
        public_url=ctx.settings.web.public_url,
        money=await _money(ctx) if portal else None,
        is_operator=operator,
        operator_href="/admin" if operator else None,
        portal_href="/" if ctx.actor.tenant_id else None,
        settings_href="/settings/sessions",
        live_url="/live",
        notifications_href="/notifications" if ctx.actor.tenant_id else None,
        unread=await notification.unread(ctx),
        inbox_topic=notification.topic(ctx),
        csp_nonce=web.csp_nonce,
        viewing=await _viewing(ctx),
        announcements=await _announcements(ctx, web.seen, operator=console == "operator"),
    )


async def _announcements(ctx: Context, seen: str, *, operator: bool) -> tuple[frame.Announcement, ...]:
    """Announcements in force, without those dismissed in this browser."""
    put_away = set(seen.split("."))
    return tuple(
        frame.Announcement(text=a.text, tone=a.level, dismiss_href=f"/announcements/{a.id}/dismiss")
        for a in await admin.announcements(ctx, operator=operator)
        if a.id.hex not in put_away
    )


async def _viewing(ctx: Context) -> frame.Viewing | None:
    """The banner of an operator who views as a customer."""
    if ctx.actor.viewing is None:
        return None
    seen = await auth.view_banner(ctx)
    if seen is None:
        return None
    return frame.Viewing(tenant_name=seen.tenant_name, reason=seen.reason, expires_at=seen.expires_at)


def _entries(ctx: Context, path: str, console: str) -> tuple[frame.NavEntry, ...]:
    """The entries of one rail or row of tabs that the person may open; the current one is marked."""
    return tuple(
        frame.NavEntry(
            label=entry.label,
            href=entry.href,
            icon=entry.icon,
            phone=entry.phone,
            jump=entry.jump,
            active=path == entry.href or (entry.href not in ("/", "/admin") and path.startswith(entry.href + "/")),
        )
        for entry in navigation()
        if entry.console == console and may(ctx.actor, entry.permission)
    )


async def _here(ctx: Context, workspaces: list[WorkspaceView]) -> tuple[str, str, str]:
    """Organisation, project and time zone of the request; a program or an operator has no workspaces."""
    for workspace in workspaces:
        if workspace.project_id == ctx.actor.project_id:
            return workspace.tenant_name, workspace.project_name, workspace.time_zone
    tenant = await auth.tenant(ctx, ctx.actor.tenant_id) if ctx.actor.tenant_id else None
    project = await auth.project(ctx, ctx.actor.project_id) if ctx.actor.project_id else None
    return tenant.name if tenant else "", project.name if project else "", tenant.time_zone if tenant else "UTC"


def _menu(ctx: Context, workspaces: list[WorkspaceView]) -> tuple[frame.OrganisationChoice, ...]:
    """The same as the menu shows them: projects under their organisation."""
    groups: dict[object, tuple[str, list[frame.ProjectChoice]]] = {}
    for workspace in workspaces:
        choice = frame.ProjectChoice(
            project_id=str(workspace.project_id),
            name=workspace.project_name,
            current=workspace.project_id == ctx.actor.project_id,
        )
        groups.setdefault(workspace.tenant_id, (workspace.tenant_name, []))[1].append(choice)
    return tuple(frame.OrganisationChoice(name=name, projects=tuple(choices)) for name, choices in groups.values())


async def _money(ctx: Context) -> frame.MoneyPill | None:
    """Balance and runway for those who may see them, in one query."""
    if ctx.actor.tenant_id is None or not may(ctx.actor, Permission.BILLING_READ):
        return None
    credit = await billing.credit_summary(ctx, ctx.actor.tenant_id)
    return frame.money_pill(credit, may_pay=may(ctx.actor, Permission.PAYMENT_CREATE))
