"""Commands, results and views of notification."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Channel = Literal["email", "toast"]
CHANNELS: tuple[Channel, ...] = ("email", "toast")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the inbox: ids and amounts, no words."""

    id: UUID
    kind: str
    subject_id: UUID
    project_id: UUID | None
    facts: dict[str, object]
    occurred_at: datetime
    read_at: datetime | None


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """An item in words. `state` is good, bad or between: a name of the product's states."""

    id: UUID
    kind: str
    title: str
    text: str
    href: str
    state: str
    occurred_at: datetime
    read: bool


class ReadItem(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID


class ReadAll(msgspec.Struct, frozen=True, kw_only=True):
    """All that the reader can have seen: items that come meanwhile stay unread when `until` names the newest seen."""

    until: UUID | None = None


class ReadResult(msgspec.Struct, frozen=True, kw_only=True):
    """How many items became read, and where the first of them leads."""

    count: int
    href: str = "/notifications"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of event and where a person is told of it, beside the inbox."""

    kind: str
    email: bool
    toast: bool


class SetPreferences(msgspec.Struct, frozen=True, kw_only=True):
    """Every choice at once; kinds that are left out keep their defaults. `acknowledged`: the person has read what
    turning a vital mail off means. `seen` is the version they saw."""

    choices: tuple[Choice, ...]
    acknowledged: bool = False
    seen: int | None = None


class PreferencesView(msgspec.Struct, frozen=True, kw_only=True):
    choices: tuple[Choice, ...]
    version: int
    mail_works: bool


EndpointState = Literal["enabled", "disabled"]
DeliveryState = Literal["queued", "delivered", "failed"]


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """Where an organisation wants its events sent. `kinds` empty means all. The secret is never in it."""

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
    sponsor_id: UUID | None = None  # who answers for it: whoever added it or switched it on last


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one endpoint; `message_id` is the `webhook-id` that all its attempts carry. `due_at`: the next
    attempt, None when there will be none."""

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
    """One try. `status` is the HTTP status, `problem` why there is none; `answer` the first 4 kB of the body."""

    started_at: datetime
    milliseconds: int
    status: int | None
    problem: str | None
    answer: str


class AddEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    description: str = ""
    kinds: tuple[str, ...] = ()


class ChangeEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is None stays as it is. `seen` is the version that the caller saw."""

    id: UUID
    url: str | None = None
    description: str | None = None
    kinds: tuple[str, ...] | None = None
    enabled: bool | None = None
    seen: int | None = None


class EndpointRef(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID


class DeliveryRef(msgspec.Struct, frozen=True, kw_only=True):
    """Also the argument of the job that makes one attempt."""

    id: UUID


class ReplayFailed(msgspec.Struct, frozen=True, kw_only=True):
    """Send again everything of an endpoint that failed since then."""

    id: UUID
    since: datetime


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    count: int
