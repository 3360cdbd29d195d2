"""Bodies and answers of the JSON API about addresses, links, copies to machines, and the reports for operators."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.storage.repository.copies import CopyView
from app.domains.storage.repository.links import LinkView
from app.domains.storage.repository.reports import ReportView


class AddressAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever has `url` can read the file until `expires_at`."""

    url: str
    expires_at: datetime


class ShareBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hours: int = 24


class LinkAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A link. `url` is only returned when it is created. The link ends at `expires_at`, when it is revoked, when the
    file is deleted, or when its creator loses the right to write."""

    id: UUID
    object_id: UUID
    created_at: datetime
    expires_at: datetime
    url: str | None = None

    @classmethod
    def of(cls, link: LinkView, url: str | None = None) -> "LinkAnswer":
        return cls(
            id=link.id, object_id=link.object_id, created_at=link.created_at, expires_at=link.expires_at, url=url
        )


class LinksAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All links to a file."""

    items: list[LinkAnswer]


class CopyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`allocation_id` is a running machine. `target` is a path there, below your home unless it starts with `/`; when
    it is empty, the file keeps its name."""

    object_id: UUID
    allocation_id: UUID
    target: str = ""


class CopyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A copy to a machine. state: waiting | in_progress | active (completed and compared) | failed, with `problem`."""

    id: UUID
    object_id: UUID
    allocation_id: UUID
    machine: str
    path: str
    target: str
    size: int
    done: int
    state: str
    problem: str | None
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, copy: CopyView) -> "CopyAnswer":
        return cls(
            id=copy.id,
            object_id=copy.object_id,
            allocation_id=copy.allocation_id,
            machine=copy.machine,
            path=copy.label,
            target=copy.target,
            size=copy.size,
            done=copy.done,
            state=copy.state,
            problem=copy.problem,
            created_at=copy.created_at,
            ended_at=copy.ended_at,
        )


class CopiesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: list[CopyAnswer]
    next_cursor: UUID | None


class ReportsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: list[ReportView]
    next_cursor: UUID | None
