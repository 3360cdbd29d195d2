"""Plain values that use cases and repositories share."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

EndpointState = Literal["enabled", "disabled"]


DeliveryState = Literal["queued", "delivered", "failed"]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the inbox: ids and amounts; messages are rendered when it is shown."""

    id: UUID
    kind: str
    subject_id: UUID
    project_id: UUID | None
    data: dict[str, object]
    occurred_at: datetime
    read_at: datetime | None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How a person is notified of one kind of event, besides the inbox."""

    kind: str
    email: bool
    toast: bool


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook endpoint of an organisation, without its secret. Empty `kinds` means all."""

    id: UUID
    url: str
    description: str
    kinds: tuple[str, ...]
    state: EndpointState
    disabled_reason: str | None
    failing_since: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime
    version: int
    sponsor_id: UUID | None = None  # the person who added it or last switched it on


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one endpoint. `message_id` is the `webhook-id` of all its attempts; `due_at` is the next attempt,
    if any."""

    id: UUID
    endpoint_id: UUID
    message_id: str
    kind: str
    body: str
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. `status` is the HTTP status, `problem` why there is none; `answer` is the first 4 kB of the body."""

    started_at: datetime
    milliseconds: int
    status: int | None
    problem: str | None
    answer: str
