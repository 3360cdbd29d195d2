"""A cursor of the API is sealed: it goes on in the list that gave it, for whom it was given, and nowhere else.

Inside is the position of the last row that was shown (its sort key), so the row may be gone and the list still goes on.
The seal covers the path, the filters, the actor and where they stand. Both happen at the edge, for every route that
takes `cursor` and answers `next_cursor`: handlers and repositories know positions only.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Response
from litestar.response.base import ASGIResponse

from app.shared.authz.actor import Actor
from app.shared.context import Runtime
from app.web.kept import tag_answer
from app.web.types import AnyRequest

T = TypeVar("T")
Pair = tuple[str, str]
CURSOR = "cursor"
NEXT = "next_cursor"
UNLISTED = frozenset({CURSOR, "limit", "wait"})  # how much at once and how long to wait do not change what is listed
SEAL_BYTES = 16
FOREIGN = "is no cursor of this list; take next_cursor of the page before and keep the filters as they were"


class Listed(Response[T]):
    """An answer of the API; the position in `next_cursor` leaves it as a sealed cursor."""

    def to_asgi_response(self, app: Any, request: AnyRequest, **how: Any) -> ASGIResponse:
        position = getattr(self.content, NEXT, None)
        if position is not None and isinstance(self.content, msgspec.Struct) and request.state.get("listing"):
            sealed = seal(_secret(request), request.state.listing, str(position))
            self.content = msgspec.structs.replace(self.content, next_cursor=sealed)
        answer = super().to_asgi_response(app, request, **how)
        tag_answer(request, answer)
        return answer


def open_cursor(request: AnyRequest, pairs: list[Pair], words: Iterable[str]) -> list[Pair] | None:
    """The pairs of a query with the position in place of the cursor; None when the cursor is not of this list. `words`
    are cursors of their own (`latest`). Remembers the list for the answer's cursor."""
    request.state.listing = listing_of(request.scope["user"], request.scope["path"], pairs)
    opened = []
    for name, text in pairs:
        position = text if name != CURSOR or text in words else unseal(_secret(request), request.state.listing, text)
        if position is None:
            return None
        opened.append((name, position))
    return opened


def seal(secret: str, listing: bytes, position: str) -> str:
    """An opaque cursor for that position."""
    return base64.urlsafe_b64encode(_mac(secret, listing, position) + position.encode()).rstrip(b"=").decode()


def unseal(secret: str, listing: bytes, cursor: str) -> str | None:
    """The position in a cursor of that list; None for everything else."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = raw[SEAL_BYTES:].decode()
    except (binascii.Error, ValueError):
        return None
    whole = hmac.compare_digest(_mac(secret, listing, position), raw[:SEAL_BYTES])
    return position if whole and seal(secret, listing, position) == cursor else None


def pairs_of(query: bytes) -> list[Pair]:
    """Names and values of a query in their order, empty ones too."""
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)


def listing_of(actor: Actor, path: str, pairs: Iterable[Pair]) -> bytes:
    """What exactly is listed, and for whom."""
    filters = sorted(pair for pair in pairs if pair[0] not in UNLISTED)
    return msgspec.json.encode([path, filters, actor.key, actor.tenant_id, actor.project_id])


def _mac(secret: str, listing: bytes, position: str) -> bytes:
    message = b"cursor\0" + hashlib.sha256(listing).digest() + position.encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()[:SEAL_BYTES]


def _secret(request: AnyRequest) -> str:
    runtime: Runtime = request.app.state.runtime
    return runtime.settings.web.secret_key
