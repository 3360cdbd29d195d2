"""Wire shapes of the event feed."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.notification.rules.feed import is_told
from app.domains.notification.rules.words import BY_NAME
from app.domains.notification.service.feed import FeedPage
from app.domains.notification.service.inbox import PREFIX
from app.shared.events.base import CATALOGUE

OUR_WORDS = {"allocation": "machine", "tenant": "organisation", "object": "file", "copy": "copy to a machine"}


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One event: ids and amounts only. `data` has the fields that the list of events documents for `type`."""

    id: UUID
    type: str
    occurred_at: datetime
    project_id: UUID | None
    data: dict[str, object]


class FeedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`next_cursor` is always there: the place to go on from."""

    items: list[EventAnswer]
    next_cursor: str

    @classmethod
    def of(cls, page: FeedPage) -> "FeedAnswer":
        items = [
            EventAnswer(
                id=row.id, type=row.kind, occurred_at=row.occurred_at, project_id=row.project_id, data=row.facts
            )
            for row in page.items
        ]
        return cls(items=items, next_cursor=page.next_cursor)


class KindAnswer(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    label: str
    fields: list[str]


class KindsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: list[KindAnswer]

    @classmethod
    def known(cls) -> "KindsAnswer":
        items = [
            KindAnswer(type=name, label=label_of(name), fields=list(CATALOGUE[PREFIX + name].__struct_encode_fields__))
            for name in told_kinds()
        ]
        return cls(items=items)


def told_kinds() -> list[str]:
    """Every event that programs are told, by name."""
    names = (subject.removeprefix(PREFIX) for subject in CATALOGUE)
    return sorted(name for name in names if is_told(name))


def label_of(name: str) -> str:
    """In words, when people are told of it too; else its name, readable."""
    kind = BY_NAME.get(name)
    if kind is not None:
        return kind.label
    _, thing, verb = name.split(".", 2)
    return f"{OUR_WORDS.get(thing, thing)} {verb}".replace("_", " ").capitalize()
