"""An event is a past-tense fact: a frozen, versioned struct with ids and amounts only, never names or addresses.

The wire form is JSON with an envelope. Fields are only ever added; to change the meaning of one is a new version.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, TypeVar
from uuid import UUID

import msgspec

SUBJECT_PREFIX = "berth.v1."


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every event. Use the `event` decorator to give it a subject and the name of its aggregate's id field."""

    SUBJECT: ClassVar[str] = ""
    AGGREGATE: ClassVar[str] = ""

    @property
    def aggregate_id(self) -> UUID:
        """The id whose events keep their order."""
        value = getattr(self, self.AGGREGATE)
        if not isinstance(value, UUID):
            raise TypeError(f"{type(self).__name__}.{self.AGGREGATE} must be a UUID")
        return value


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What travels around an event: who caused what, for whom, when."""

    id: UUID
    name: str
    version: int
    occurred_at: datetime
    correlation_id: str
    causation_id: str | None = None
    tenant_id: UUID | None = None
    project_id: UUID | None = None


E = TypeVar("E", bound=type[Event])
CATALOGUE: dict[str, type[Event]] = {}


def event(name: str, *, aggregate: str) -> Callable[[E], E]:
    """Register an event class as `berth.v1.<domain>.<aggregate>.<verb>`; `aggregate` names its id field."""

    def register(cls: E) -> E:
        subject = SUBJECT_PREFIX + name
        if subject in CATALOGUE:
            raise ValueError(f"two events share the subject {subject}")
        if aggregate not in cls.__struct_fields__:
            raise ValueError(f"{cls.__name__} has no field {aggregate}")
        cls.SUBJECT = subject
        cls.AGGREGATE = aggregate
        CATALOGUE[subject] = cls
        return cls

    return register


def decode(subject: str, payload: bytes | dict[str, object]) -> Event:
    """The event struct of `subject` from JSON bytes or builtins. Fields that this release does not know yet are left
    out, because a newer one may have added them. Raises msgspec.ValidationError, msgspec.DecodeError or KeyError."""
    cls = CATALOGUE[subject]
    fields = msgspec.json.decode(payload, type=dict[str, object]) if isinstance(payload, bytes) else payload
    known = {name: value for name, value in fields.items() if name in cls.__struct_encode_fields__}
    return msgspec.convert(known, type=cls, strict=False)
