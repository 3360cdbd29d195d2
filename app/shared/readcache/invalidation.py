"""The table from events to the tags whose answers they change. Domains declare their rows in their manifests."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from uuid import UUID

import msgspec

from app.shared.events.base import Event

EVERYBODY = "all"
_DECLARED: "dict[type[Event], list[Invalidation]]" = defaultdict(list)


class Invalidation(msgspec.Struct, frozen=True):
    """`tags(event)` beside `<domain>:<tenant>`, which every event invalidates."""

    event: type[Event]
    tags: Callable[..., Iterable[str]]


def declare_invalidations(*rows: Invalidation) -> None:
    """Add rows to the table; the same row twice counts once."""
    for row in rows:
        if row not in _DECLARED[row.event]:
            _DECLARED[row.event].append(row)


def domain_tag(domain: str, tenant_id: UUID | None) -> str:
    """The tag that every event of `domain` about the tenant invalidates; without a tenant the one about everybody."""
    return f"{domain}:{tenant_id or EVERYBODY}"


def changes_tag(tenant_id: UUID | None) -> str:
    """The tag that every change by somebody in the organisation invalidates."""
    return f"changes:{tenant_id or EVERYBODY}"


def tags_of_event(event: Event, tenant_id: UUID | None) -> frozenset[str]:
    """All tags that `event` invalidates; `tenant_id` is the envelope's."""
    _, _, domain, _, _ = event.SUBJECT.split(".", 4)
    declared = (tag for row in _DECLARED.get(type(event), ()) for tag in row.tags(event))
    return frozenset({domain_tag(domain, tenant_id), *declared})
