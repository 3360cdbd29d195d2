"""How the answer to a change looks that may need a second person: what was done, or the request that waits."""

from typing import Any, TypeVar

import msgspec
from litestar import Response
from litestar.openapi import ResponseSpec

from app.shared.approval import Asked, Outcome

T = TypeVar("T", bound=msgspec.Struct)

ASKED = {
    202: ResponseSpec(
        Asked, generate_examples=False, description="Not done yet: a second person decides about the request"
    )
}


def outcome_answer(outcome: Outcome[T], status: int = 200, headers: dict[str, str] | None = None) -> Response[Any]:
    """What was done, or 202 with what waits."""
    if outcome.asked is not None:
        return Response(outcome.asked, status_code=202)
    return Response(outcome.done, status_code=status, headers=headers)


def next_page(outcome: Outcome[T], done: str) -> str:
    """Where a page goes on: to `done`, or to the request that waits."""
    return done if outcome.asked is None else f"/admin/approvals/{outcome.asked.request_id}"
