"""What waits for a second person: guards that somebody wants to weaken, and other acts that take two.

The approver needs the permission of the action itself; the command that runs is exactly the one that was asked for.
"""

from datetime import timedelta
from uuid import UUID

import msgspec

from app.domains.admin.contracts.approvals import DecideRequest, RequestDecided, RequestDetail
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


async def page_requests(
    ctx: Context, status: RequestStatus | None, cursor: UUID | None, limit: int
) -> Slice[ChangeRequest, UUID]:
    """Requests of all operators, newest first."""
    require(ctx.actor, READ)
    rows = await requests.page_requests(ctx.session, status, cursor, limit + 1)
    return cut(rows, limit, lambda row: row.id)


async def show_request(ctx: Context, request_id: UUID) -> RequestDetail:
    """One request, and whether the actor may decide it. Raises NotFound."""
    require(ctx.actor, READ)
    request = await requests.find_request(ctx.session, request_id)
    if request is None:
        raise NotFound()
    own = ctx.actor.id in await auth.same_people(ctx, request.requested_by)
    allowed = may(ctx.actor, permission_of(request.action))
    waits = request.status == "requested"
    return RequestDetail(
        request=request,
        names=await names_in(ctx, [request]),
        may_decide=waits and allowed and not own,
        may_withdraw=waits and own,
        why_not="You asked for it: a second person decides." if waits and own else "",
    )


async def names_in(ctx: Context, found: list[ChangeRequest]) -> dict[str, str]:
    """Names of who asked and who decided."""
    ids = {one for row in found for one in (row.requested_by, row.decided_by, row.tenant_id) if one is not None}
    return {str(key): name for key, name in (await auth.names_of(ctx, ids)).items()}


@use_case(READ, AuditAction.CHANGE_APPROVE, lambda command, _result: command.request_id)
async def approve_request(ctx: Context, command: DecideRequest) -> RequestDecided:
    """Let it be done now. Raises NotFound, Forbidden, SecondPersonNeeded, AlreadyDecided, RequestTooOld,
    ChangeNotPossible, and whatever else the action itself refuses by now."""
    request, decider = await _open(ctx, command.request_id)
    days = await ctx.policy(REQUEST_DAYS)
    now = await ctx.now()
    if now - request.requested_at > timedelta(days=days):
        raise RequestTooOld(f"This was asked for more than {days} days ago: ask for it again.")
    await requests.decide_request(ctx.session, request.id, "approved", decider, _said(command.reason), now)
    action = ACTIONS[request.action]
    wanted: msgspec.Struct = msgspec.json.decode(
        await requests.command_of(ctx.session, request.id), type=action.command
    )
    ctx.about(request.tenant_id)
    try:
        await action.run(ctx, wanted, request)
    except ValidationFailed as refusal:
        why = " ".join(dict.fromkeys(refusal.fields.values())) or refusal.message
        raise ChangeNotPossible(f"What was asked for cannot be done any more. {why}") from refusal
    ctx.explain(action=request.action, target=request.target, requested_by=str(request.requested_by))
    ctx.changed(status=(request.status, "approved"))
    return RequestDecided(request_id=request.id, status="approved")


@use_case(READ, AuditAction.CHANGE_REJECT, lambda command, _result: command.request_id)
async def reject_request(ctx: Context, command: DecideRequest) -> RequestDecided:
    """Leave everything as it is; who asked may take it back so too. Raises NotFound, Forbidden, AlreadyDecided,
    ValidationFailed without a reason."""
    request = await _lock(ctx, command.request_id)
    reason = stated(command.reason)
    ctx.explain(action=request.action, target=request.target, reason=reason)
    ctx.changed(status=(request.status, "rejected"))
    by = ctx.actor.id or request.requested_by
    await requests.decide_request(ctx.session, request.id, "rejected", by, reason, await ctx.now())
    return RequestDecided(request_id=request.id, status="rejected")


async def _open(ctx: Context, request_id: UUID) -> tuple[ChangeRequest, UUID]:
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


def _said(reason: str) -> str:
    return stated(reason) if reason else ""
