"""What makes two requests the same one: who asks, where they stand, the route with its parameters, their key.

The body is compared by what it says and not by how it is written: JSON without spaces and order of names, forms without
the two hidden fields that every rendering of a page makes anew. The query and `If-Match` belong to what is asked.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from app.shared.authz.actor import Actor

HIDDEN_FIELDS = frozenset({"_csrf_token", "_idempotency_key"})
LONGEST_ROUTE = 400  # characters that stand in an index; what is longer stands there as its digest


class KeyForgotten(RuntimeError):
    """A handler changed something outside of a use case, or asked one twice: a repeat would have a second effect."""


@dataclass
class IdempotencyKey:
    """The key of one request. `place` is the organisation and project of the decision; '' for what changes where one
    stands, because its repeat comes from elsewhere. `claimed` says that the request has run under it."""

    actor: str
    scope: str
    route: str
    key: str
    body_hash: bytes
    stores: bool = True  # who views as a customer hears what they did before, and stores nothing
    claimed: bool = False
    running: bool = False  # a use case is under way: what it calls is a part of it
    _parts: set[str] = field(default_factory=set)

    @contextmanager
    def claim(self, part: str) -> Iterator[None]:
        """While that part of the request runs. Raises KeyForgotten when it was claimed before."""
        if part in self._parts:
            raise KeyForgotten(f"{self.route} uses its key twice for {part or 'the same thing'}")
        self._parts.add(part)
        self.claimed = self.running = True
        try:
            yield
        finally:
            self.running = False

    def waive(self) -> None:
        """This request turned out to ask for no change: nothing is stored under its key."""
        self.claimed = True

    def check_claimed(self) -> None:
        """Raises KeyForgotten for a change outside of a use case."""
        if not self.claimed:
            raise KeyForgotten(f"{self.route} changes something without its idempotency key")


def scope_of(actor: Actor) -> str:
    """The organisation and project where the actor stands."""
    return f"{actor.tenant_id or '-'}/{actor.project_id or '-'}"


def route_of(method: str, template: str, parameters: Mapping[str, object]) -> str:
    """The route as declared, with the values of its path parameters."""
    values = json.dumps({name: str(value) for name, value in sorted(parameters.items())})
    route = f"{method} {template}" + (f" {values}" if parameters else "")
    if len(route) <= LONGEST_ROUTE:
        return route
    return f"{method} {template} {hashlib.sha256(values.encode()).hexdigest()}"


def request_digest(*, content_type: str, body: bytes, query: bytes, if_match: str) -> bytes:
    """A digest of what the request asks for."""
    kind = content_type.partition(";")[0].strip().lower()
    asked = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    words = json.dumps([kind, sorted(asked, key=lambda pair: pair[0]), if_match])
    return hashlib.sha256(words.encode() + b"\n" + _canonical(kind, body)).digest()


def _canonical(kind: str, body: bytes) -> bytes:
    """What cannot be read is compared byte by byte: its handler refuses it anyway."""
    try:
        if kind == "application/json" or kind.endswith("+json"):
            value = json.loads(body, parse_float=_Number, parse_int=_Number) if body.strip() else None
            return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()
        if kind == "application/x-www-form-urlencoded":
            fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
            kept = [pair for pair in fields if pair[0] not in HIDDEN_FIELDS]
            return json.dumps(sorted(kept, key=lambda pair: pair[0])).encode()
    except (ValueError, RecursionError):
        pass
    return body


class _Number:
    """A number as it was written: as a float, two large ones would be one."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return f"number {self._text}"
