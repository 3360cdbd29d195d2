"""Forms, JSON and pages of events, dead letters, the system and announcements."""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, ClassVar, get_args
from uuid import UUID

import msgspec
from msgspec import Meta

from app.domains.admin.contracts import Audience, Level
from app.domains.admin.rules.values import Fault
from app.domains.admin.service.announcements import Announce
from app.domains.admin.service.events import DeadLetterList, EventsView, RedriveLetters
from app.domains.admin.service.system import SetFault, SystemView
from app.shared.authz import Permission
from app.shared.authz.actor import Actor
from app.shared.authz.scope import may
from app.shared.errors import ValidationFailed
from app.shared.outbox.report import DeadLetter, Waiting

LEVELS: tuple[Level, ...] = get_args(Level)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """The reason is kept in the audit log."""

    reason: str = ""


class RedriveForm(msgspec.Struct, frozen=True, kw_only=True):
    """All that wait, or all of one source."""

    source: str = ""

    def command(self) -> RedriveLetters:
        return RedriveLetters(source=self.source or None)


class RedriveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ids`, or without them all that wait, or all of `source`. An empty list is refused: a program that found nothing
    to send does not mean all."""

    ids: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=200)] | None = None
    source: str | None = None

    def command(self) -> RedriveLetters:
        """Raises ValidationFailed when both are given."""
        if self.ids is not None and self.source is not None:
            raise ValidationFailed(fields={"source": "Give ids or a source, not both."})
        return RedriveLetters(ids=self.ids, source=self.source)


class AnnounceForm(msgspec.Struct, frozen=True, kw_only=True):
    """Instants in UTC, as `datetime-local` sends them. Empty means from now on, for a day."""

    WIRE_NAMES: ClassVar = {"from_at": "from", "to_at": "to"}

    text: str = ""
    level: str = "busy"
    audience: str = "everybody"
    from_: str = msgspec.field(default="", name="from")
    to: str = ""

    def command(self) -> Announce:
        """Raises ValidationFailed."""
        return Announce(
            text=self.text,
            level=_one("level", self.level, LEVELS),
            audience=_one("audience", self.audience, AUDIENCES),
            from_at=_instant("from", self.from_),
            to_at=_instant("to", self.to),
        )


class AnnounceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Plain text. Without instants it is shown from now on, for a day."""

    text: str
    level: Level = "busy"
    audience: Audience = "everybody"
    from_at: datetime | None = None
    to_at: datetime | None = None

    def command(self) -> Announce:
        return Announce(**{name: getattr(self, name) for name in self.__struct_fields__})


class FaultForm(msgspec.Struct, frozen=True, kw_only=True):
    simulator: str = ""
    name: str = ""
    spec: str = ""
    off: str = ""

    def command(self) -> SetFault:
        return SetFault(simulator=self.simulator, name=self.name, spec=self.spec, off=bool(self.off))


class KindRow(msgspec.Struct, frozen=True, kw_only=True):
    """The waiting rows of one kind, over all shards."""

    kind: str
    rows: int
    failing: int
    oldest_at: datetime | None
    shards: int

    @classmethod
    def of(cls, kind: str, waiting: tuple[Waiting, ...]) -> "KindRow":
        shards = [shard for shard in waiting if shard.kind == kind]
        return cls(
            kind=kind,
            rows=sum(shard.rows for shard in shards),
            failing=sum(shard.failing for shard in shards),
            oldest_at=min((shard.oldest_at for shard in shards if shard.oldest_at), default=None),
            shards=len(shards),
        )


class EventsPage(msgspec.Struct, frozen=True, kw_only=True):
    """`relays`: owner and number of shards. `orphans`: shards without an owner."""

    view: EventsView
    kinds: tuple[KindRow, ...]
    relays: tuple[tuple[str, int], ...]
    orphans: int
    letters: DeadLetterList
    chip: tuple[str, str, bool]
    first_href: str | None
    next_href: str | None
    may_manage: bool

    @classmethod
    def of(
        cls, view: EventsView, letters: DeadLetterList, actor: Actor, *, everything: str, cursor: str | None
    ) -> "EventsPage":
        kinds = sorted({shard.kind for shard in view.waiting} | {"event", "job", "workflow"})
        owners = Counter(lease.owner for lease in view.leases if lease.owner is not None)
        query = "all=1&" if everything else ""
        return cls(
            view=view,
            kinds=tuple(KindRow.of(kind, view.waiting) for kind in kinds),
            relays=tuple(sorted(owners.items())),
            orphans=sum(lease.owner is None for lease in view.leases),
            letters=letters,
            chip=("Settled ones too", "/admin/events" if everything else "/admin/events?all=1", bool(everything)),
            first_href=f"/admin/events?{query}".rstrip("?&") if cursor else None,
            next_href=f"/admin/events?{query}cursor={letters.next_cursor}" if letters.next_cursor else None,
            may_manage=may(actor, Permission.PLATFORM_EVENT_MANAGE),
        )


class DeadLetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """The body is indented JSON."""

    letter: DeadLetter
    body: str
    may_manage: bool

    @classmethod
    def of(cls, letter: DeadLetter, actor: Actor) -> "DeadLetterPage":
        return cls(
            letter=letter,
            body=msgspec.json.format(msgspec.json.encode(letter.body), indent=2).decode(),
            may_manage=may(actor, Permission.PLATFORM_EVENT_MANAGE),
        )


class SystemPage(msgspec.Struct, frozen=True, kw_only=True):
    system: SystemView
    faults: tuple[Fault, ...]
    simulators: tuple[str, ...]
    may_manage: bool

    @classmethod
    def of(
        cls, system: SystemView, faults: tuple[Fault, ...], simulators: tuple[str, ...], actor: Actor
    ) -> "SystemPage":
        return cls(
            system=system,
            faults=faults,
            simulators=simulators,
            may_manage=may(actor, Permission.PLATFORM_SYSTEM_MANAGE),
        )


def _one(field: str, text: str, known: tuple[str, ...]):  # type: ignore[no-untyped-def]
    if text not in known:
        raise ValidationFailed(fields={field: f"one of {', '.join(known)}"})
    return text


def _instant(field: str, text: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValidationFailed(fields={field: "Write an instant as 2026-01-31T08:00."}) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
