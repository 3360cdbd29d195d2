"""Responses of the event feed."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.notification.rules.feed import PREFIX, is_published
from app.domains.notification.rules.messages import BY_NAME
from app.domains.notification.service.feed import FeedSlice
from app.shared.events.base import CATALOGUE

NOUNS = {"allocation": "machine", "tenant": "organisation", "object": "file", "copy": "copy to a machine"}


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One event: ids and amounts only. `data` has the fields that the list of events documents for `type`."""

    id: UUID
    type: str
    occurred_at: datetime
    project_id: UUID | None
    data: dict[str, object]


class FeedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`next_cursor` is always present: continue from it."""

    items: list[EventAnswer]
    next_cursor: str

    @classmethod
    def of(cls, page: FeedSlice) -> "FeedAnswer":
        items = [
            EventAnswer(id=row.id, type=row.kind, occurred_at=row.occurred_at, project_id=row.project_id, data=row.data)
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
            for name in published_kinds()
        ]
        return cls(items=items)


def published_kinds() -> list[str]:
    """The names of the published events."""
    names = (subject.removeprefix(PREFIX) for subject in CATALOGUE)
    return sorted(name for name in names if is_published(name))


def label_of(name: str) -> str:
    """The label of a kind: that of its notification, or its name in readable form."""
    kind = BY_NAME.get(name)
    if kind is not None:
        return kind.label
    _, noun, verb = name.split(".", 2)
    return f"{NOUNS.get(noun, noun)} {verb}".replace("_", " ").capitalize()
