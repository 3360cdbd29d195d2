"""Ids, commands, views of appruntime, and what its workflow and activities say to each other. Imports nothing heavy."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NewType
from uuid import UUID

import msgspec

from app.shared.ids import ProjectId, TenantId, UserId

AppId = NewType("AppId", UUID)
ManifestId = NewType("ManifestId", UUID)
MemberRole = Literal["owner", "user", "viewer"]
MEMBER_ROLES: tuple[MemberRole, ...] = ("owner", "user", "viewer")

# -- workflow --------------------------------------------------------------------------------------------------------

DRIVE = "DriveApp"
APP_FAILED = "AppFailed"
UNWANTED = "Unwanted"


def drive_workflow_id(app_id: UUID, verb: str, run: int) -> str:
    """One workflow per verb and run: a second request finds the first."""
    return f"app/{verb}/{app_id}/{run}"


@dataclass(frozen=True)
class Drive:
    """What the workflow and each of its activities get. `run` counts the starts of this app."""

    app_id: str
    verb: str  # start | stop
    run: int
    correlation_id: str
    seconds: int = 900  # how long the way up may take: policy, read when it was asked for
    text: str = ""


# -- commands --------------------------------------------------------------------------------------------------------


class PublishManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest as JSON values; see docs/apps.md."""

    body: dict[str, object]


class LaunchApp(msgspec.Struct, frozen=True, kw_only=True):
    """`version` empty means the newest one; `name` empty means one is chosen."""

    slug: str
    allocation_id: UUID
    version: str = ""
    name: str = ""


Action = Literal["stop", "start", "restart", "release"]


class ActOnApp(msgspec.Struct, frozen=True, kw_only=True):
    app_id: UUID
    action: Action


class SetMember(msgspec.Struct, frozen=True, kw_only=True):
    """Add a person or change the role. The person is named by e-mail or by id."""

    app_id: UUID
    role: str
    email: str = ""
    user_id: UUID | None = None


class RemoveMember(msgspec.Struct, frozen=True, kw_only=True):
    app_id: UUID
    user_id: UUID


class OpenApp(msgspec.Struct, frozen=True, kw_only=True):
    app_id: UUID


# -- results and views -----------------------------------------------------------------------------------------------


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    app_id: AppId
    name: str
    state: str
    url: str


class AppChanged(msgspec.Struct, frozen=True, kw_only=True):
    app_id: AppId
    state: str


class MemberChanged(msgspec.Struct, frozen=True, kw_only=True):
    app_id: AppId
    user_id: UserId
    role: str  # empty: not a member any more


class ManifestView(msgspec.Struct, frozen=True, kw_only=True):
    """One published version. `body` is the manifest itself."""

    id: ManifestId
    slug: str
    version: str
    title: str
    summary: str
    kind: str
    published_at: datetime
    body: dict[str, object]


class AppView(msgspec.Struct, frozen=True, kw_only=True):
    """One app as its project sees it."""

    id: AppId
    handle: str
    tenant_id: TenantId
    project_id: ProjectId
    allocation_id: UUID
    user_id: UUID
    manifest_id: ManifestId
    slug: str
    manifest_version: str
    title: str
    name: str
    login: str
    state: str
    wanted: str
    run: int
    state_changed_at: datetime
    exit_code: int | None
    failure_text: str | None
    correlation_id: str
    requested_at: datetime
    running_at: datetime | None
    ended_at: datetime | None
    version: int


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a run. state: in_progress | active (done) | failed | ended."""

    run: int
    step: str
    label: str
    state: str
    detail: str
    started_at: datetime
    finished_at: datetime | None


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    app_id: AppId
    user_id: UserId
    role: MemberRole
    added_at: datetime


class LogPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an app's output. `next` is the offset to ask for next; `start` is later than asked when it was cut."""

    start: int = 0
    next: int = 0
    end: int = 0
    text: str = ""


class AppSession(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is on the origin of one app: bound to the portal's session, or to the access token of a program.
    That of a browser is kept in Valkey under its cookie's hash."""

    app_id: UUID
    handle: str
    user_id: UUID
    session_id: UUID


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a code stands for: who comes in, and the hash of what the browser that asked for it keeps."""

    session: AppSession
    browser: str
