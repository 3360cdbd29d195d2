"""Several items in one request, some of which may be refused: an answer that nobody can take for more than it is.

All taken: the status of the route. Some refused: 207, each item with its status. All refused: 422 in the envelope of
every refusal, with the items beside it. Every such answer counts `accepted` and `refused`.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

SOME = 207  # Multi-Status (RFC 4918 §13): read the items


class Batch(Protocol):
    """An answer with its counts."""

    @property
    def accepted(self) -> int: ...

    @property
    def refused(self) -> int: ...


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope's `error` of a request of which nothing was done: that of the first item."""

    code: str
    message: str
    details: dict[str, object]
    correlation_id: str
    retryable: bool = False


B = TypeVar("B", bound=Batch)


def answered(answer: B, done: int, field: str, first: tuple[str, str] | None, correlation_id: str) -> Response[B]:
    """`answer` under its true status; `done` is the one of a request that was taken whole, `first` code and message of
    the first refusal, `field` the list of items in the request."""
    if not answer.refused or first is None:
        return Response(answer, status_code=done)
    if answer.accepted:
        return Response(answer, status_code=SOME)
    code, message = first
    details: dict[str, object] = {"fields": {field: message}}
    error = Refusals(code=code, message=message, details=details, correlation_id=correlation_id)
    body = {"error": error, **msgspec.to_builtins(answer)}
    return Response(body, status_code=422)  # type: ignore[arg-type]  # the same with the envelope around it


def statuses(answer: type[object]) -> Mapping[int, ResponseSpec]:
    """For the description: what a route answers besides its own status and refusals."""
    words = "some items were refused: read `status` of each"
    return {SOME: ResponseSpec(answer, description=words, generate_examples=False)}
