"""Every refused change leaves a row of the audit log, written before the answer: a process that dies after it has
answered has lost nothing.

What a use case refused says so itself (`DomainError.refused`). What was refused before it (permission, origin, rate, a
missing key, an unreadable body) is named by the permission and the address that were asked for.
"""

from typing import cast

import structlog
from litestar.types import Scope

from app.shared.audit import AuditRow, append_refusal
from app.shared.authz.actor import ANONYMOUS, SYSTEM, Actor, ActorKind
from app.shared.authz.permissions import Permission
from app.shared.context import Runtime
from app.shared.errors.base import DomainError, RefusedAction
from app.shared.telemetry.trace import Trace, new_trace
from app.web.errors.render import as_domain_error

log = structlog.get_logger("berth.errors")
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


async def audit_refusal(error: Exception, scope: Scope) -> None:
    """`after_exception` of the application, which runs before the error is rendered. Never raises."""
    refusal = as_domain_error(error)
    actor = cast(Actor, scope.get("user") or ANONYMOUS)
    asked = refusal.refused or _asked(refusal, scope, actor)
    if asked is None:
        return
    action, target_kind, target_id = asked
    if target_kind == "route":
        target_id = f"{scope.get('method', '-')} {scope['path']}"
    runtime: Runtime = scope["litestar_app"].state.runtime
    trace = cast(Trace, scope.get("state", {}).get("trace") or new_trace(None))
    details: dict[str, object] = {"cause": refusal.cause} if refusal.cause else {}
    if actor.kind is ActorKind.ANONYMOUS:
        details["address"] = (scope.get("client") or ("-", 0))[0]
    try:
        async with runtime.context(SYSTEM, trace) as ctx:  # the actor may be one who can write nothing
            row = AuditRow(
                actor=actor,
                action=action,
                target_kind=target_kind,
                target_id=target_id,
                result="refused",
                occurred_at=await ctx.now(),
                correlation_id=trace.correlation_id,
                reason=refusal.code,
                details=details,
                about_tenant=refusal.about_tenant,
            )
            await append_refusal(ctx.session, row)
    except Exception:
        log.exception("a refusal could not be audited", action=action)


def _asked(refusal: DomainError, scope: Scope, actor: Actor) -> RefusedAction:
    """The change that was asked for, when somebody who is signed in asked for one that wants a right."""
    if actor.kind is ActorKind.ANONYMOUS or refusal.status >= 500 or scope.get("method") not in UNSAFE:
        return None
    handler = scope.get("route_handler")
    permission = handler.opt.get("permission") if handler is not None else None
    if not isinstance(permission, Permission) or permission is Permission.PROFILE:
        return None
    return permission, "route", ""
