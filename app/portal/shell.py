"""Wires domains to the frame: how a request is authenticated, and what every page's frame shows.

The figures of the frame are read models: a page that is asked for again costs no statement for its frame. Credit is
invalidated by every change of it; were each message lost, it is at most ten seconds old.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import msgspec

from app.domains.admin import public as admin
from app.domains.admin.contracts import AnnouncementView
from app.domains.auth import public as auth
from app.domains.auth.contracts import WorkspaceView
from app.domains.billing import public as billing
from app.domains.billing.contracts import CreditSummary
from app.domains.notification import public as notification
from app.shared.authz import Actor, ActorKind, Permission
from app.shared.authz.permissions import PLATFORM_ROLES
from app.shared.authz.scope import may
from app.shared.clock import process_now
from app.shared.context import Context, WebInfo
from app.shared.manifest import NavEntry
from app.shared.readcache import ReadCache, ReadModel, Wanted, domain_tag
from app.web import shell as frame
from app.web.shell import Shell, initials, parse_theme

authenticate = auth.resolve_actor
CREDIT = ReadModel[CreditSummary](name="shell.credit", holds=CreditSummary, shared_seconds=8, local_seconds=2)
UNREAD = ReadModel[int](name="shell.unread", holds=int)
INVITATIONS = ReadModel[int](name="shell.invitations", holds=int)
WORKSPACES = ReadModel[tuple[WorkspaceView, ...]](name="shell.workspaces", holds=tuple[WorkspaceView, ...])
ANNOUNCEMENTS = ReadModel[tuple[AnnouncementView, ...]](name="shell.announcements", holds=tuple[AnnouncementView, ...])


@cache
def navigation() -> tuple[NavEntry, ...]:
    """Every entry of every domain and of the developers' pages, in order. Read late: the registry imports all."""
    from app.portal.developers import NAVIGATION
    from app.registry import DOMAINS

    entries = [*NAVIGATION, *(entry for domain in DOMAINS for entry in domain.navigation)]
    return tuple(sorted(entries, key=lambda entry: entry.order))


async def build_shell(ctx: Context) -> Shell:
    """The frame for the person who asks: only entries that they may open."""
    web = _web_of(ctx)
    if ctx.actor.kind is ActorKind.ANONYMOUS:
        return Shell(csrf_token=web.csrf_token, theme=parse_theme(web.theme), env_name=ctx.settings.env)
    console = "operator" if web.path.startswith("/admin") else "portal"
    operator = any(binding.role in PLATFORM_ROLES for binding in ctx.actor.bindings)
    portal = console == "portal"
    await _prefetch(ctx, portal=portal)
    workspaces = await _workspaces(ctx) if portal else ()
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
        invitations=await _invitations(ctx) if portal else 0,
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
        unread=await _unread(ctx),
        inbox_topic=notification.topic(ctx),
        csp_nonce=web.csp_nonce,
        viewing=await _viewing(ctx),
        announcements=await _announcements(ctx, web.seen, operator=console == "operator"),
    )


def _web_of(ctx: Context) -> WebInfo:
    if ctx.web is None:
        raise RuntimeError("a frame belongs to a request")
    return ctx.web


def _credit_of(tenant_id: UUID) -> Wanted[CreditSummary]:
    return CREDIT, tenant_id, (domain_tag("billing", tenant_id),)


def _unread_of(actor: Actor) -> Wanted[int]:
    return UNREAD, f"{actor.tenant_id}:{actor.id}", (notification.inbox_topic(actor.id),) if actor.id else ()


def _invitations_of(actor: Actor) -> Wanted[int]:
    return INVITATIONS, actor.id, (auth.INVITATIONS, *((auth.person_tag(actor.id),) if actor.id else ()))


def _workspaces_of(actor: Actor) -> Wanted[tuple[WorkspaceView, ...]]:
    tenants = {binding.tenant_id for binding in actor.bindings if binding.tenant_id is not None}
    tags = (auth.person_tag(actor.id),) if actor.id else ()
    return WORKSPACES, actor.id, (*tags, *(domain_tag("auth", tenant_id) for tenant_id in sorted(tenants)))


SHOWN: Wanted[tuple[AnnouncementView, ...]] = (ANNOUNCEMENTS, "all", (admin.ANNOUNCEMENTS,))


async def _prefetch(ctx: Context, *, portal: bool) -> None:
    """Bring what the frame will ask for from Valkey at once."""
    if not _web_of(ctx).reads:
        return
    actor, found = ctx.actor, list[Wanted[Any]]([SHOWN])
    if actor.tenant_id is not None and actor.kind is ActorKind.USER:
        found.append(_unread_of(actor))
    if portal and actor.kind is ActorKind.USER:
        found += [_invitations_of(actor), _workspaces_of(actor)]
    if portal and actor.tenant_id is not None and may(actor, Permission.BILLING_READ):
        found.append(_credit_of(actor.tenant_id))
    await ctx.runtime.part(ReadCache).prefetch(found)


async def _workspaces(ctx: Context) -> tuple[WorkspaceView, ...]:
    async def load() -> tuple[WorkspaceView, ...]:
        return tuple(await auth.list_workspaces(ctx))

    return await ctx.read(*_workspaces_of(ctx.actor), load)


async def _invitations(ctx: Context) -> int:
    return await ctx.read(*_invitations_of(ctx.actor), lambda: auth.invitations_waiting(ctx))


async def _unread(ctx: Context) -> int:
    if ctx.actor.tenant_id is None or ctx.actor.kind is not ActorKind.USER:
        return 0
    return await ctx.read(*_unread_of(ctx.actor), lambda: notification.unread(ctx))


async def _announcements(ctx: Context, seen: str, *, operator: bool) -> tuple[frame.Announcement, ...]:
    """Announcements in force, without those dismissed in this browser."""
    put_away, now = set(seen.split(".")), process_now()
    audiences = ("everybody", "operators" if operator else "customers")
    return tuple(
        frame.Announcement(text=a.text, tone=a.level, dismiss_href=f"/announcements/{a.id}/dismiss")
        for a in await ctx.read(*SHOWN, lambda: admin.announcements(ctx))
        if a.id.hex not in put_away and a.audience in audiences and a.to_at > now
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
    role = msgspec.structs.replace(ctx.actor, id=None, session_id=None, name="")
    return tuple(
        msgspec.structs.replace(entry, active=True) if _is_at(path, entry.href) else entry
        for entry in _allowed(role, console)
    )


def _is_at(path: str, href: str) -> bool:
    return path == href or (href not in ("/", "/admin") and path.startswith(href + "/"))


@lru_cache(maxsize=1024)
def _allowed(role: Actor, console: str) -> tuple[frame.NavEntry, ...]:
    """What somebody with these roles, standing there, may open: the same for all of them."""
    return tuple(
        frame.NavEntry(label=entry.label, href=entry.href, icon=entry.icon, phone=entry.phone, jump=entry.jump)
        for entry in navigation()
        if entry.console == console and may(role, entry.permission)
    )


async def _here(ctx: Context, workspaces: Sequence[WorkspaceView]) -> tuple[str, str, str]:
    """Organisation, project and time zone of the request; a program or an operator has no workspaces."""
    for workspace in workspaces:
        if workspace.project_id == ctx.actor.project_id:
            return workspace.tenant_name, workspace.project_name, workspace.time_zone
    tenant = await auth.tenant(ctx, ctx.actor.tenant_id) if ctx.actor.tenant_id else None
    project = await auth.project(ctx, ctx.actor.project_id) if ctx.actor.project_id else None
    return tenant.name if tenant else "", project.name if project else "", tenant.time_zone if tenant else "UTC"


def _menu(ctx: Context, workspaces: Sequence[WorkspaceView]) -> tuple[frame.OrganisationChoice, ...]:
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
    """Balance and runway for those who may see them."""
    if ctx.actor.tenant_id is None or not may(ctx.actor, Permission.BILLING_READ):
        return None
    tenant_id = ctx.actor.tenant_id
    credit = await ctx.read(*_credit_of(tenant_id), lambda: billing.credit_summary(ctx, tenant_id))
    return frame.money_pill(credit, may_pay=may(ctx.actor, Permission.PAYMENT_CREATE))
