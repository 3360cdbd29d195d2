"""Which actions can wait for a second person, and what runs when that person approves."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import msgspec

from app.shared.approval.requests import Asked, ChangeRequest
from app.shared.audit import AuditAction
from app.shared.use_case import PRIVILEGED

T = TypeVar("T", bound=msgspec.Struct)
Perform = Callable[[Any, Any, ChangeRequest], Awaitable[msgspec.Struct]]


class Outcome(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Exactly one of the two: what was done, or what waits for a second person."""

    done: T | None = None
    asked: Asked | None = None


class Action(msgspec.Struct, frozen=True):
    """`run(ctx, command, request)` does what was asked for, in the name of who asked, and leaves its audit row."""

    command: type
    run: Perform


ACTIONS: dict[str, Action] = {}


def performs(action: AuditAction, command: type) -> Callable[[Perform], Perform]:
    """Register what runs when a request for `action` is approved. The approver needs the action's own permission."""

    def register(run: Perform) -> Perform:
        if (action, action.kind) not in PRIVILEGED:
            raise ValueError(f"{action} is no privileged action")
        ACTIONS[action] = Action(command, run)
        return run

    return register
