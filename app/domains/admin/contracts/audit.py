"""What may be asked of the audit log, and what it answers. Instants are UTC; rows hold ids, never names."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Format = Literal["csv", "jsonl"]
Result = Literal["allowed", "refused"]


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Each field narrows; None asks for all. `from_at` is inside the period, `to_at` is not."""

    actor_id: UUID | None = None
    actor_mail: str | None = None  # instead of the id, as people remember it
    action: str | None = None
    target_kind: str | None = None
    target_id: str | None = None
    tenant_id: UUID | None = None
    result: Result | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    correlation_id: str | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the log, exactly as it was written."""

    id: UUID
    occurred_at: datetime
    actor_kind: str
    actor_id: UUID | None
    actor_roles: list[str]
    action: str
    target_kind: str
    target_id: str
    result: Result
    reason: str | None
    details: dict[str, object]
    tenant_id: UUID | None
    project_id: UUID | None
    correlation_id: str


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, newest first, and names for the ids in them: for eyes only, they are not part of the log."""

    items: tuple[AuditEntry, ...]
    next_cursor: str | None
    names: dict[str, str]


class ExportAudit(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that fits the filter, as a file."""

    format: Format
    filter: AuditFilter


class ExportRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """The export is in the log; its rows end where it stands, so that the same request again is the same file."""

    id: UUID
    until: datetime  # not inside


class ActivityLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done in an organisation, in plain words."""

    id: UUID
    occurred_at: datetime
    who: str
    actor_id: UUID | None
    what: str
    action: str
    target_kind: str
    target_id: str
    result: Result
    reason: str | None
    href: str | None
    correlation_id: str


class ActivityPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    items: tuple[ActivityLine, ...]
    next_cursor: str | None
