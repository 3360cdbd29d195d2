"""Organisations and people as operators see them, and their suspension.

Nobody can use a suspended organisation: its sessions, tokens, shells, apps and SSH connections end, and nothing can be
launched. Its machines keep running and are billed, because releasing a machine loses data and is decided separately.
"""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

from app.domains.auth.contracts.customers import (
    CustomerDetail,
    CustomerRow,
    CustomerSearch,
    MemberRow,
    MembershipRow,
    PersonDetail,
    PersonRow,
    ProjectRow,
    Suspended,
    SuspendPerson,
    SuspendTenant,
)
from app.domains.auth.events import PersonSuspended, SessionRevoked, TenantSuspended
from app.domains.auth.repository.customers import AnyRow, CustomerRepository
from app.domains.auth.service.session_cache import forget
from app.domains.auth.service.view_as import MAX_REASON
from app.shared.approval import ChangeRequest, Outcome, ask, performs
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound
from app.shared.paging import Slice, cut
from app.shared.readcache import domain_tag
from app.shared.text import checked_text
from app.shared.use_case import use_case

READ, MANAGE = Permission.PLATFORM_CUSTOMER_READ, Permission.PLATFORM_CUSTOMER_MANAGE
MIN_SEARCH = 2
T = TypeVar("T")
MAX_PEOPLE = 20


async def page_customers(
    ctx: Context, wanted: CustomerSearch, cursor: UUID | None, limit: int
) -> Slice[CustomerRow, UUID]:
    """Organisations that match, newest first. Raises Forbidden for everybody but operators."""
    scope = platform_scope(ctx.actor, READ)
    id_, pattern = _parse_search(wanted.text)
    rows = await CustomerRepository(ctx.session).page_tenants(scope, id_, pattern, wanted.suspended, cursor, limit + 1)
    return cut([_to(CustomerRow, row) for row in rows], limit, lambda row: row.id)


async def find_people(ctx: Context, text: str) -> list[PersonRow]:
    """People who match the same search, at most 20; none for an empty search."""
    scope = platform_scope(ctx.actor, READ)
    id_, pattern = _parse_search(text)
    if id_ is None and pattern is None:
        return []
    rows = await CustomerRepository(ctx.session).list_people(scope, id_, pattern, MAX_PEOPLE)
    return [_to(PersonRow, row) for row in rows]


async def show_customer(ctx: Context, tenant_id: UUID) -> CustomerDetail:
    """An organisation with its people and projects. Raises NotFound."""
    scope = platform_scope(ctx.actor, READ)
    repository = CustomerRepository(ctx.session)
    rows = await repository.page_tenants(scope, tenant_id, None, None, None, 1)
    if not rows:
        raise NotFound()
    return CustomerDetail(
        tenant=_to(CustomerRow, rows[0]),
        members=tuple(_to(MemberRow, row) for row in await repository.list_members(scope, tenant_id)),
        projects=tuple(_to(ProjectRow, row) for row in await repository.list_projects(scope, tenant_id)),
        sessions=await repository.count_live_sessions(tenant_id),
    )


async def show_person(ctx: Context, user_id: UUID) -> PersonDetail:
    """A person with the organisations that they belong to. Raises NotFound."""
    scope = platform_scope(ctx.actor, READ)
    repository = CustomerRepository(ctx.session)
    row = await repository.find_person(scope, user_id)
    if row is None:
        raise NotFound()
    organisations = tuple(_to(MembershipRow, row) for row in await repository.list_organisations(scope, user_id))
    return msgspec.convert({**row._mapping, "places": organisations}, PersonDetail)


@use_case(MANAGE, AuditAction.CUSTOMER_SUSPEND, lambda command, _result: command.tenant_id)
async def suspend_tenant(ctx: Context, command: SuspendTenant) -> Suspended:
    """Suspend an organisation: its sessions and tokens end at once. Raises NotFound, ValidationFailed."""
    return await _set_tenant(ctx, command)


@use_case(MANAGE, AuditAction.CUSTOMER_RESUME, lambda command, _result: command.tenant_id)
async def resume_tenant(ctx: Context, command: SuspendTenant) -> Suspended:
    """Resume an organisation; its people sign in again. Raises NotFound, ValidationFailed."""
    return await _set_tenant(ctx, command)


@use_case(MANAGE, AuditAction.PERSON_SUSPEND, lambda command, _result: command.user_id)
async def suspend_person(ctx: Context, command: SuspendPerson) -> Outcome[Suspended]:
    """Suspend a person everywhere; for an operator this needs a second person. Raises NotFound, ValidationFailed, and
    Forbidden for oneself."""
    if command.user_id == ctx.actor.id:
        raise Forbidden("You cannot suspend yourself.")
    return await _set_or_ask(ctx, command, AuditAction.PERSON_SUSPEND)


@use_case(MANAGE, AuditAction.PERSON_RESUME, lambda command, _result: command.user_id)
async def resume_person(ctx: Context, command: SuspendPerson) -> Outcome[Suspended]:
    """Resume a person; for an operator this needs a second person. Raises NotFound, ValidationFailed."""
    return await _set_or_ask(ctx, command, AuditAction.PERSON_RESUME)


@performs(AuditAction.PERSON_SUSPEND, SuspendPerson)
@performs(AuditAction.PERSON_RESUME, SuspendPerson)
async def set_operator(ctx: Context, command: SuspendPerson, request: ChangeRequest) -> Suspended:
    """Suspend or resume an operator after a second person has approved the request."""
    done = await _set_person(ctx, command)
    action = AuditAction.PERSON_SUSPEND if command.suspend else AuditAction.PERSON_RESUME
    await ctx.audit(action, command.user_id, {"requested_by": str(request.requested_by)})
    return done


async def _set_or_ask(ctx: Context, command: SuspendPerson, action: AuditAction) -> Outcome[Suspended]:
    person = await CustomerRepository(ctx.session).find_person(platform_scope(ctx.actor, MANAGE), command.user_id)
    if person is None:
        raise NotFound()
    if not person.is_operator:
        return Outcome(done=await _set_person(ctx, command))
    verb = "Suspend" if command.suspend else "Resume"
    asked = await ask(
        ctx, action, command, target=str(command.user_id), summary=f"{verb} the operator {person.name}",
        reason=_stated(command.reason),
    )  # fmt: skip
    return Outcome(asked=asked)


async def _set_tenant(ctx: Context, command: SuspendTenant) -> Suspended:
    reason, now = _stated(command.reason), await ctx.now()
    repository = CustomerRepository(ctx.session)
    row = await repository.lock_tenant(command.tenant_id)
    if row is None:
        raise NotFound()
    version, ended = row.version, 0
    ctx.changed(suspended=(row.suspended_at is not None, command.suspend))
    if (row.suspended_at is not None) != command.suspend:
        at, why = (now, reason) if command.suspend else (None, None)
        version = await repository.set_tenant_suspended(command.tenant_id, at, why)
        if command.suspend:
            ended = await _emit_revoked(ctx, await repository.end_sessions_of_tenant(command.tenant_id, now))
            await ctx.emit(TenantSuspended(tenant_id=command.tenant_id), version=version, tenant_id=command.tenant_id)
        ctx.invalidate(domain_tag("auth", command.tenant_id))  # a resumption is no event
    ctx.about(command.tenant_id)
    ctx.explain(reason=reason, sessions_ended=ended)
    return Suspended(id=command.tenant_id, suspended=command.suspend, sessions=ended, version=version)


async def _set_person(ctx: Context, command: SuspendPerson) -> Suspended:
    reason, now = _stated(command.reason), await ctx.now()
    repository = CustomerRepository(ctx.session)
    row = await repository.lock_person(command.user_id)
    if row is None:
        raise NotFound()
    version, ended = row.version, 0
    ctx.changed(suspended=(row.suspended_at is not None, command.suspend))
    if (row.suspended_at is not None) != command.suspend:
        at, why = (now, reason) if command.suspend else (None, None)
        version = await repository.set_person_suspended(command.user_id, at, why)
        if command.suspend:
            ended = await _emit_revoked(ctx, await repository.end_sessions_of_person(command.user_id, now))
            await ctx.emit(PersonSuspended(user_id=command.user_id), version=version)
    ctx.explain(reason=reason, sessions_ended=ended)
    return Suspended(id=command.user_id, suspended=command.suspend, sessions=ended, version=version)


async def _emit_revoked(ctx: Context, rows: Sequence[AnyRow]) -> int:
    """Terminals close on the event; requests with these cookies are refused at once."""
    for row in rows:
        await ctx.emit(SessionRevoked(session_id=row.id, user_id=row.user_id, reason="suspended"), version=2)
    forget(ctx, [bytes(row.token_hash) for row in rows if row.token_hash])
    return len(rows)


def _stated(text: str) -> str:
    return checked_text(text, wanted=f"Say why, in 3 to {MAX_REASON} characters.")


def _parse_search(text: str) -> tuple[UUID | None, str | None]:
    """An id, or a LIKE pattern in which % and _ are literal; both None when everything matches."""
    text = text.strip()
    try:
        return UUID(text), None
    except ValueError:
        pass
    if len(text) < MIN_SEARCH:
        return None, None
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return None, f"%{escaped}%"


def _to(kind: type[T], row: AnyRow) -> T:
    return msgspec.convert(dict(row._mapping), kind)
