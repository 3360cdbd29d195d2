"""Plain values that use cases and repositories share."""

from uuid import UUID

import msgspec

from app.shared.ids import ProjectId, TenantId


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation and one of its projects."""

    tenant_id: TenantId
    project_id: ProjectId


class MemberQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which members to list: with this role, in this project, with this text in name or address."""

    role: str | None = None
    project_id: UUID | None = None
    search: str = ""
    cursor: str | None = None
    limit: int = 50


class InvitationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which invitations to list; `state` None lists all."""

    state: str | None = None
    cursor: UUID | None = None
    limit: int = 50


class AccountQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which service accounts to list; `disabled` includes disabled ones."""

    disabled: bool = False
    cursor: UUID | None = None
    limit: int = 50


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """The browser and IP address of a sign-in, for the list of sessions."""

    user_agent: str
    address: str


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a person consents to: the command line may act for them in this project after it proves the challenge."""

    tenant_id: UUID | None
    project_id: UUID | None
    redirect_uri: str
    code_challenge: str
