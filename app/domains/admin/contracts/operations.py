"""The machinery behind the product as operators see it: the outbox, dead letters, dependencies, announcements."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.shared.batch.report import BatchView
from app.shared.outbox.report import ConsumersSeen, ShardLease, Waiting
from app.shared.outbox.report import DeadLetter as DeadLetter  # for handlers, which know no outbox
from app.shared.records import UnreadSet

Level = Literal["good", "busy", "warn", "bad"]
Audience = Literal["everybody", "customers", "operators"]


class EventsView(msgspec.Struct, frozen=True, kw_only=True):
    """What waits to leave, who relays, how far behind the consumers are (None: no worker said so lately), and how far
    work on many things is."""

    waiting: tuple[Waiting, ...]
    leases: tuple[ShardLease, ...]
    consumers: ConsumersSeen | None
    dead: int
    batches: tuple[BatchView, ...] = ()


class LettersPage(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters, newest first."""

    items: tuple[DeadLetter, ...]
    next_cursor: str | None


class RedriveLetters(msgspec.Struct, frozen=True, kw_only=True):
    """Send these again; with None all that wait, of one source when one is named."""

    ids: tuple[UUID, ...] | None = None
    source: str | None = None


class Redriven(msgspec.Struct, frozen=True, kw_only=True):
    count: int


class DiscardLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Give one up for good."""

    id: UUID
    reason: str


class Discarded(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that we depend on, as a worker met it."""

    name: str
    ok: bool
    milliseconds: int
    detail: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All dependencies, at one look."""

    at: datetime
    dependencies: tuple[Dependency, ...]


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process of ours that lives."""

    service: str
    host: str
    pid: str


class AnnouncementView(msgspec.Struct, frozen=True, kw_only=True):
    """A message on every page between two instants, plain text."""

    id: UUID
    text: str
    level: Level
    audience: Audience
    from_at: datetime
    to_at: datetime
    created_by: UUID | None
    created_at: datetime
    withdrawn_at: datetime | None


class Announce(msgspec.Struct, frozen=True, kw_only=True):
    """Put a message on every page. Without instants: from now on, for a day."""

    text: str
    level: Level
    audience: Audience
    from_at: datetime | None = None
    to_at: datetime | None = None


class Withdraw(msgspec.Struct, frozen=True, kw_only=True):
    announcement_id: UUID


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that is switched on at a simulator: its name and what it was given."""

    simulator: str
    name: str
    given: str


class SettingAllowed(msgspec.Struct, frozen=True, kw_only=True):
    """An exception from what production asks, as `BERTH_ALLOW` names it, and the settings that make use of it."""

    name: str
    meaning: str
    settings: tuple[str, ...]


class SystemView(msgspec.Struct, frozen=True, kw_only=True):
    """The system page: what a worker saw of our dependencies (None: no worker lately), who lives, what runs where."""

    health: Health | None
    processes: tuple[Process, ...]
    version: str
    commit: str
    python: str
    migration_applied: str
    migration_newest: str
    announcements: tuple[AnnouncementView, ...]
    unread: tuple[UnreadSet, ...] = ()  # records of others that were passed over lately
    allowed: tuple[SettingAllowed, ...] = ()  # what this process lets pass although production refuses it
