"""Change requests: actions that need the approval of a second person.

The approver needs the permission of the action itself; the command that runs is exactly the one requested.
"""

from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.admin.errors import AlreadyDecided, ChangeNotPossible, RequestTooOld
from app.domains.admin.policies import REQUEST_DAYS
from app.domains.admin.rules.reasons import stated
from app.domains.admin.service import alone
from app.domains.auth import public as auth
from app.shared.approval import ACTIONS, ChangeRequest, requests
from app.shared.approval.requests import RequestStatus
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.authz.scope import may, require
from app.shared.context import Context
from app.shared.errors import NotFound, ValidationFailed
from app.shared.paging import Slice, cut
from app.shared.use_case import permission_of, use_case

READ = Permission.PLATFORM_CONSOLE


class DecideRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Approve or reject a change request."""

    request_id: UUID
    reason: str = ""


class RequestDecided(msgspec.Struct, frozen=True, kw_only=True):
    request_id: UUID
    status: str


class RequestDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A change request, names by id, and what the actor may do about it."""

    request: ChangeRequest
    names: dict[str, str]
    may_decide: bool
    may_withdraw: bool
    why_not: str


async def page_requests(
    ctx: Context, status: RequestStatus | None, cursor: UUID | None, limit: int
) -> Slice[ChangeRequest, UUID]:
    """Requests of all operators, newest first."""
    require(ctx.actor, READ)
    rows = await requests.page_requests(ctx.session, status, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


async def show_request(ctx: Context, request_id: UUID) -> RequestDetail:
    """A change request, and what the actor may do about it. Raises NotFound."""
    require(ctx.actor, READ)
    request = await requests.find_request(ctx.session, request_id)
    if request is None:
        raise NotFound()
    own = ctx.actor.id in await auth.same_people(ctx, request.requested_by)
    allowed = may(ctx.actor, permission_of(request.action))
    is_open = request.status == "requested"
    return RequestDetail(
        request=request,
        names=await names_in(ctx, [request]),
        may_decide=is_open and allowed and not own,
        may_withdraw=is_open and own,
        why_not="You requested this: a second person decides." if is_open and own else "",
    )


async def names_in(ctx: Context, items: list[ChangeRequest]) -> dict[str, str]:
    """Names, by id, of requesters, deciders and organisations."""
    ids = {one for row in items for one in (row.requested_by, row.decided_by, row.tenant_id) if one is not None}
    return {str(key): name for key, name in (await auth.names_of(ctx, ids)).items()}


@use_case(READ, AuditAction.CHANGE_APPROVE, lambda command, _result: command.request_id)
async def approve_request(ctx: Context, command: DecideRequest) -> RequestDecided:
    """Approve a request and run its command. Raises NotFound, Forbidden, SecondPersonNeeded, AlreadyDecided,
    RequestTooOld, ChangeNotPossible, and whatever the action itself raises."""
    request, decider = await _lock_for_approval(ctx, command.request_id)
    days = await ctx.policy(REQUEST_DAYS)
    now = await ctx.now()
    if now - request.requested_at > timedelta(days=days):
        raise RequestTooOld(f"This was requested more than {days} days ago. Request it again.")
    await requests.decide_request(ctx.session, request.id, "approved", decider, _optional_reason(command.reason), now)
    action = ACTIONS[request.action]
    wanted: msgspec.Struct = msgspec.json.decode(
        await requests.command_of(ctx.session, request.id), type=action.command
    )
    ctx.about(request.tenant_id)
    try:
        await action.run(ctx, wanted, request)
    except ValidationFailed as refusal:
        why = " ".join(dict.fromkeys(refusal.fields.values())) or refusal.message
        raise ChangeNotPossible(f"This change is no longer possible. {why}") from refusal
    ctx.explain(action=request.action, target=request.target, requested_by=str(request.requested_by))
    ctx.changed(status=(request.status, "approved"))
    return RequestDecided(request_id=request.id, status="approved")


@use_case(READ, AuditAction.CHANGE_REJECT, lambda command, _result: command.request_id)
async def reject_request(ctx: Context, command: DecideRequest) -> RequestDecided:
    """Reject a request; its requester withdraws it in the same way. Raises NotFound, Forbidden, AlreadyDecided,
    ValidationFailed without a reason."""
    request = await _lock(ctx, command.request_id)
    reason = stated(command.reason)
    ctx.explain(action=request.action, target=request.target, reason=reason)
    ctx.changed(status=(request.status, "rejected"))
    by = ctx.actor.id or request.requested_by
    await requests.decide_request(ctx.session, request.id, "rejected", by, reason, await ctx.now())
    return RequestDecided(request_id=request.id, status="rejected")


async def _lock_for_approval(ctx: Context, request_id: UUID) -> tuple[ChangeRequest, UUID]:
    request = await _lock(ctx, request_id)
    return request, await alone.second(ctx, request.requested_by)


async def _lock(ctx: Context, request_id: UUID) -> ChangeRequest:
    request = await requests.lock_request(ctx.session, request_id)
    if request is None:
        raise NotFound()
    require(ctx.actor, permission_of(request.action))
    if request.status != "requested":
        raise AlreadyDecided()
    return request


def _optional_reason(reason: str) -> str:
    return stated(reason) if reason else ""
