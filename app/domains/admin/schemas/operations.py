"""Forms, JSON and pages about the machinery."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, get_args
from uuid import UUID

import msgspec
from msgspec import Meta

from app.domains.admin.contracts.operations import (
    Announce,
    Audience,
    EventsView,
    Fault,
    LettersPage,
    Level,
    RedriveLetters,
    SystemView,
)
from app.domains.admin.service.system import SetFault
from app.shared.errors import ValidationFailed
from app.shared.outbox.report import DeadLetter

LEVELS: tuple[Level, ...] = get_args(Level)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why; it is kept in the audit log."""

    reason: str = ""


class RedriveForm(msgspec.Struct, frozen=True, kw_only=True):
    """All that wait, of one source when one is named."""

    source: str = ""

    def command(self) -> RedriveLetters:
        return RedriveLetters(source=self.source or None)


class RedriveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """These, or without ids all that wait, of one source when one is named. An empty list of ids is refused: it is
    what a program sends that found nothing, not what it sends to mean all."""

    ids: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=200)] | None = None
    source: str | None = None

    def command(self) -> RedriveLetters:
        """Raises ValidationFailed when both are given."""
        if self.ids is not None and self.source is not None:
            raise ValidationFailed(fields={"source": "Name ids or a source, not both."})
        return RedriveLetters(ids=self.ids, source=self.source)


class AnnounceForm(msgspec.Struct, frozen=True, kw_only=True):
    """Instants as `datetime-local` gives them, in UTC; empty is “from now on” and “for a day”."""

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
    """Plain text. Without instants: from now on, for a day."""

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


class KindLine(msgspec.Struct, frozen=True, kw_only=True):
    """What waits of one kind, in all shards together."""

    kind: str
    rows: int
    failing: int
    oldest_at: datetime | None
    shards: int


class EventsPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/events.html gets."""

    seen: EventsView
    kinds: tuple[KindLine, ...]
    relays: tuple[tuple[str, int], ...]  # who, how many shards
    orphans: int
    letters: LettersPage
    chip: tuple[str, str, bool]
    first_href: str | None
    next_href: str | None
    may_manage: bool


class LetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/dead_letter.html gets."""

    letter: DeadLetter
    body: str
    may_manage: bool


class SystemPage(msgspec.Struct, frozen=True, kw_only=True):
    """What admin/system.html gets."""

    system: SystemView
    faults: tuple[Fault, ...]
    simulators: tuple[str, ...]
    may_manage: bool
    env: str


def events_page(
    seen: EventsView, letters: LettersPage, everything: str, cursor: str | None, *, may_manage: bool
) -> EventsPage:
    """The outbox, summed up by kind, and the dead letters."""
    kinds = sorted({line.kind for line in seen.waiting} | {"event", "job", "workflow"})
    owners: dict[str, int] = {}
    for lease in seen.leases:
        if lease.owner is not None:
            owners[lease.owner] = owners.get(lease.owner, 0) + 1
    kept = "all=1&" if everything else ""
    return EventsPage(
        seen=seen,
        kinds=tuple(_kind(kind, seen) for kind in kinds),
        relays=tuple(sorted(owners.items())),
        orphans=sum(lease.owner is None for lease in seen.leases),
        letters=letters,
        chip=("settled ones too", "/admin/events" if everything else "/admin/events?all=1", bool(everything)),
        first_href=f"/admin/events?{kept}".rstrip("?&") if cursor else None,
        next_href=f"/admin/events?{kept}cursor={letters.next_cursor}" if letters.next_cursor else None,
        may_manage=may_manage,
    )


def _kind(kind: str, seen: EventsView) -> KindLine:
    lines = [line for line in seen.waiting if line.kind == kind]
    return KindLine(
        kind=kind,
        rows=sum(line.rows for line in lines),
        failing=sum(line.failing for line in lines),
        oldest_at=min((line.oldest_at for line in lines if line.oldest_at), default=None),
        shards=len(lines),
    )


def letter_page(letter: DeadLetter, *, may_manage: bool) -> LetterPage:
    """One dead letter with its body as indented JSON."""
    body = msgspec.json.format(msgspec.json.encode(letter.body), indent=2).decode()
    return LetterPage(letter=letter, body=body, may_manage=may_manage)


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
