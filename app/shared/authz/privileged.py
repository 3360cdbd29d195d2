"""`@privileged`: the use case asks for its permission and leaves an audit row, or it does not run.

The row of an allowed change is written in the change's own transaction. A refusal rolls that transaction back, so the
renderer writes its row afterwards in a short one of its own; `refused` on the error carries what it needs.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Protocol, TypeVar
from uuid import UUID

from app.shared.authz.actor import Actor
from app.shared.authz.permissions import Permission
from app.shared.authz.scope import require
from app.shared.errors import DomainError, ViewOnly


class AuditedContext(Protocol):
    """What `@privileged` needs of a Context."""

    @property
    def actor(self) -> Actor: ...

    async def audit(
        self, action: str, target_kind: str, target_id: str, details: dict[str, object] | None = None
    ) -> None: ...


C = TypeVar("C", bound=AuditedContext)
A = TypeVar("A")
R = TypeVar("R")

PRIVILEGED: dict[str, Permission] = {}
_PERMISSION = "berth_permission"  # the attribute by which a wrapped use case is known


def check_again(actor: Actor, use_case: object) -> None:
    """What `use_case` would ask first: before an answer from earlier is given once more. Raises as `privileged`."""
    permission = getattr(use_case, _PERMISSION, None)
    if permission is None:
        return
    if actor.viewing is not None:
        raise ViewOnly()
    require(actor, permission)


def privileged(
    permission: Permission,
    action: str,
    target_kind: str,
    target: Callable[..., UUID | str | None],
) -> Callable[[Callable[[C, A], Awaitable[R]]], Callable[[C, A], Awaitable[R]]]:
    """Wrap `async def use_case(ctx, command)`. `target(command, result)` names what was changed; result is None when
    the use case refused. Raises Unauthenticated, Forbidden or ViewOnly before the use case runs."""

    def decorate(use_case: Callable[[C, A], Awaitable[R]]) -> Callable[[C, A], Awaitable[R]]:
        PRIVILEGED[action] = permission

        @wraps(use_case)
        async def run(ctx: C, command: A) -> R:
            try:
                if ctx.actor.viewing is not None:
                    raise ViewOnly()
                require(ctx.actor, permission)
                result = await use_case(ctx, command)
            except DomainError as error:
                error.refused = error.refused or (action, target_kind, str(target(command, None) or "-"))
                raise
            await ctx.audit(action, target_kind, str(target(command, result) or "-"))
            return result

        setattr(run, _PERMISSION, permission)
        return run

    return decorate
