"""The catalogue of events as people read it: the page of the reference and docs/events.md show this."""

from collections.abc import Iterable

import msgspec

from app.shared.events.base import CATALOGUE
from app.shared.manifest import Domain


class EventEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event: its subject, what it says, its fields with their types, and who listens."""

    subject: str
    meaning: str
    aggregate: str
    fields: dict[str, str]
    consumers: list[str]


def entries(domains: Iterable[Domain]) -> list[EventEntry]:
    """All events that the given domains emit or listen to, by subject."""
    listeners: dict[str, list[str]] = {}
    for domain in domains:
        for spec in domain.consumers:
            for cls in spec.events:
                listeners.setdefault(cls.SUBJECT, []).append(spec.name)
    found: list[EventEntry] = []
    for subject, cls in sorted(CATALOGUE.items()):
        found.append(
            EventEntry(
                subject=subject,
                meaning=(cls.__doc__ or "").strip().split("\n")[0],
                aggregate=cls.AGGREGATE,
                fields={field.name: _type_name(field.type) for field in msgspec.structs.fields(cls)},
                consumers=sorted(listeners.get(subject, [])),
            )
        )
    return found


def _type_name(kind: object) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
