"""What operators ask of identity: organisations and people, suspension, and looking at an organisation read-only."""

from datetime import datetime
from uuid import UUID

import msgspec


class CustomerSearch(msgspec.Struct, frozen=True, kw_only=True):
    """`word` is a part of a name or a mail address, or a whole id."""

    word: str = ""
    suspended: bool | None = None


class CustomerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation of the list."""

    id: UUID
    name: str
    currency: str
    time_zone: str
    created_at: datetime
    suspended_at: datetime | None
    suspended_reason: str | None
    version: int
    projects: int
    people: int


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    email: str
    suspended_at: datetime | None
    last_login_at: datetime
    roles: list[str]


class ProjectRow(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    created_at: datetime


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person found by a search."""

    id: UUID
    name: str
    email: str
    suspended_at: datetime | None
    last_login_at: datetime


class PlaceRow(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    roles: list[str]


class PersonDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A person with the organisations that they belong to."""

    id: UUID
    name: str
    email: str
    email_verified: bool
    created_at: datetime
    last_login_at: datetime
    suspended_at: datetime | None
    suspended_reason: str | None
    version: int
    sessions: int
    is_operator: bool
    places: tuple[PlaceRow, ...] = ()


class CustomerDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation with its people and projects; `sessions` would end with a suspension."""

    tenant: CustomerRow
    members: tuple[MemberRow, ...]
    projects: tuple[ProjectRow, ...]
    sessions: int


class SuspendTenant(msgspec.Struct, frozen=True, kw_only=True):
    """Close an organisation (`suspend`), or open it again."""

    tenant_id: UUID
    suspend: bool
    reason: str


class SuspendPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Shut a person out (`suspend`), or let them in again."""

    user_id: UUID
    suspend: bool
    reason: str


class Suspended(msgspec.Struct, frozen=True, kw_only=True):
    """What it is now, and how many sessions ended."""

    id: UUID
    suspended: bool
    sessions: int
    version: int


class StartView(msgspec.Struct, frozen=True, kw_only=True):
    """Look at an organisation as it sees itself, standing in one of its projects (the first when none is named)."""

    tenant_id: UUID
    reason: str
    project_id: UUID | None = None


class ViewStarted(msgspec.Struct, frozen=True, kw_only=True):
    view_id: UUID
    expires_at: datetime


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """End the view of the actor's session, if it has one."""


class ViewStopped(msgspec.Struct, frozen=True, kw_only=True):
    """`tenant_id`: whom they looked at; None when they did not."""

    tenant_id: UUID | None


class ViewBanner(msgspec.Struct, frozen=True, kw_only=True):
    """What every page says during a view."""

    tenant_id: UUID
    tenant_name: str
    reason: str
    expires_at: datetime
