"""Which actions can wait for a second person, and what runs when that person approves."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Response
from litestar.openapi import ResponseSpec

from app.shared.approval.requests import Asked, ChangeRequest
from app.shared.authz.privileged import PRIVILEGED

T = TypeVar("T", bound=msgspec.Struct)
Perform = Callable[[Any, Any, ChangeRequest], Awaitable[msgspec.Struct]]


ASKED = {
    202: ResponseSpec(
        Asked, generate_examples=False, description="Not done yet: a second person decides about the request"
    )
}


class Outcome(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Exactly one of the two: what was done, or what waits for a second person."""

    done: T | None = None
    asked: Asked | None = None

    def answer(self, status: int = 200, headers: dict[str, str] | None = None) -> Response[Any]:
        """What was done, or 202 with what waits."""
        if self.asked is not None:
            return Response(self.asked, status_code=202)
        return Response(self.done, status_code=status, headers=headers)

    def place(self, done: str) -> str:
        """Where a page goes on: to `done`, or to the request that waits."""
        return done if self.asked is None else f"/admin/approvals/{self.asked.request_id}"


class Action(msgspec.Struct, frozen=True):
    """`run(ctx, command, request)` does what was asked for, in the name of who asked, and leaves its audit row."""

    command: type
    run: Perform


ACTIONS: dict[str, Action] = {}


def performs(action: str, command: type) -> Callable[[Perform], Perform]:
    """Register what runs when a request for `action` is approved. The approver needs the action's own permission."""

    def register(run: Perform) -> Perform:
        if action not in PRIVILEGED:
            raise ValueError(f"{action} is no privileged action")
        ACTIONS[action] = Action(command, run)
        return run

    return register
