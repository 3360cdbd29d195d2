"""`@use_case`: what all changes have in common, so that no handler can forget it.

It asks for the permission. The first use case of a request answers for the request's idempotency key: a repeat gets the
stored result, decoded into the return annotation, and nothing runs twice; a use case that is called inside another one
is a part of it. What went well leaves an audit row in the change's own transaction. A refusal rolls that transaction
back, so its row is written afterwards (`DomainError.refused`).
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Protocol, TypeVar, get_type_hints
from uuid import UUID

import msgspec

from app.shared.audit.actions import AuditAction
from app.shared.authz.actor import Actor
from app.shared.authz.permissions import Permission
from app.shared.authz.scope import require
from app.shared.errors import DomainError, ViewOnly
from app.shared.idempotency.store import KeyedContext, recall, replay


class Unprivileged(msgspec.Struct, frozen=True):
    """Stands where a permission would: `reason` says why the change needs none of its own. Its refusals are not
    audited."""

    reason: str


class UseCaseContext(KeyedContext, Protocol):
    """What `@use_case` needs of a Context."""

    async def audit(
        self, action: AuditAction, target: UUID | str | None, details: dict[str, object] | None = None, *,
        kind: str | None = None,
    ) -> None: ...  # fmt: skip


C = TypeVar("C", bound=UseCaseContext)
A = TypeVar("A")
R = TypeVar("R")
C_contra = TypeVar("C_contra", bound=UseCaseContext, contravariant=True)
A_contra = TypeVar("A_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class UseCase(Protocol[C_contra, A_contra, R_co]):
    """`part` names one of several steps of a request that commit one by one; each is repeated for itself."""

    async def __call__(self, ctx: C_contra, command: A_contra, /, *, part: str = "") -> R_co: ...


Target = Callable[..., UUID | str | None]
PRIVILEGED: dict[tuple[AuditAction, str], Permission] = {}  # by action and kind of its target
_RESULT = "berth_result"  # the attribute by which a use case is known


def use_case(
    permission: Permission | Unprivileged,
    action: AuditAction | None = None,
    target: Target = lambda _command, _result: None,
    *,
    kind: str | None = None,
) -> Callable[[Callable[[C, A], Awaitable[R]]], UseCase[C, A, R]]:
    """Wrap `async def change(ctx, command) -> Struct`. `target(command, result)` names what was changed; result is None
    when the use case refused. `kind` is the target's, where it is not the action's usual one. Without an action the
    use case writes its own rows.

    The wrapped one raises Unauthenticated, Forbidden or ViewOnly before it runs; IdempotencyKeyReused when the key came
    with another body, and IdempotencyInProgress when the first request still runs after the lock time-out."""
    if isinstance(permission, Permission):
        if action is None:
            raise TypeError("what needs a permission is audited")
        PRIVILEGED[action, kind or action.kind] = permission

    def decorate(body: Callable[[C, A], Awaitable[R]]) -> UseCase[C, A, R]:
        result_type: type[R] = get_type_hints(body)["return"]

        @wraps(body)
        async def run(ctx: C, command: A, /, *, part: str = "") -> R:
            async def change() -> R:
                try:
                    _allow(ctx.actor, permission)
                    result = await body(ctx, command)
                except DomainError as error:
                    if action is not None and isinstance(permission, Permission):
                        about = (action, kind or action.kind, str(target(command, None) or "-"))
                        error.refused = error.refused or about
                    raise
                if action is not None:
                    await ctx.audit(action, target(command, result), kind=kind)
                return result

            return await replay(ctx, result_type, change, lambda: _allow(ctx.actor, permission), part)

        setattr(run, _RESULT, result_type)
        return run

    return decorate


def _allow(actor: Actor, permission: Permission | Unprivileged) -> None:
    if isinstance(permission, Permission):
        if actor.viewing is not None:
            raise ViewOnly()
        require(actor, permission)


def is_use_case(function: object) -> bool:
    """Whether it is wrapped by `@use_case`."""
    return hasattr(function, _RESULT)


async def find_answer(ctx: C, step: UseCase[C, A, R], part: str) -> R | None:
    """What an earlier request with this key stored for that part; None when it did not get that far."""
    result_type: type[R] = getattr(step, _RESULT)
    return await recall(ctx, result_type, part)


def permission_of(action: str) -> Permission:
    """What the action asks for. Raises KeyError for one that asks for nothing."""
    usual: dict[str, Permission] = {known: asked for (known, kind), asked in PRIVILEGED.items() if kind == known.kind}
    return usual[action]
