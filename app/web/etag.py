"""`ETag` and `If-Match` (RFC 9110 §13): an editable resource carries its version, a change may name the one it saw.

A change without `If-Match` is done as it is (last writer wins); with one it is refused with 412 when somebody else was
faster.
"""

from typing import Annotated, TypeVar

from litestar import Response
from litestar.params import HeaderParameter

from app.shared.errors import ValidationFailed
from app.shared.numbers import whole_number
from app.shared.versions import etag

T = TypeVar("T")
IfMatch = Annotated[
    str | None, HeaderParameter(name="if-match", description="the `ETag` that was seen; 412 when it is no longer so")
]


def tagged(body: T, version: int, status: int = 200) -> Response[T]:
    """`body` with the `ETag` of its version."""
    return Response(body, status_code=status, headers={"etag": etag(version)})


def seen_version(if_match: str | None) -> int | None:
    """The version that a client saw; None when it does not care. Raises ValidationFailed."""
    if if_match is None or if_match.strip() == "*":
        return None
    word = if_match.strip().removeprefix("W/").strip('"')
    version = whole_number(word)
    if version is None:
        raise ValidationFailed(fields={"If-Match": "must be the ETag of an answer of ours"})
    return version
