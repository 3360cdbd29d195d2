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
