"""Organisations and people as operators see them, their suspension, and view-as."""

from datetime import datetime
from uuid import UUID

import msgspec


class CustomerSearch(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is part of a name or an e-mail address, or a whole id."""

    text: str = ""
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


class MembershipRow(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation that a person belongs to, with every role they have in it."""

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
    organisations: tuple[MembershipRow, ...] = msgspec.field(name="places", default=())


class CustomerDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation with its people and projects; `sessions` counts the sessions that a suspension would end."""

    tenant: CustomerRow
    members: tuple[MemberRow, ...]
    projects: tuple[ProjectRow, ...]
    sessions: int


class SuspendTenant(msgspec.Struct, frozen=True, kw_only=True):
    """Suspend an organisation (`suspend`), or resume it."""

    tenant_id: UUID
    suspend: bool
    reason: str


class SuspendPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Suspend a person (`suspend`), or resume them."""

    user_id: UUID
    suspend: bool
    reason: str


class Suspended(msgspec.Struct, frozen=True, kw_only=True):
    """The new state, and how many sessions ended."""

    id: UUID
    suspended: bool
    sessions: int
    version: int


class StartView(msgspec.Struct, frozen=True, kw_only=True):
    """View an organisation as its owner sees it, in one of its projects (the first by default)."""

    tenant_id: UUID
    reason: str
    project_id: UUID | None = None


class ViewStarted(msgspec.Struct, frozen=True, kw_only=True):
    view_id: UUID
    expires_at: datetime


class ViewBanner(msgspec.Struct, frozen=True, kw_only=True):
    """What every page shows during a view."""

    tenant_id: UUID
    tenant_name: str
    reason: str
    expires_at: datetime
