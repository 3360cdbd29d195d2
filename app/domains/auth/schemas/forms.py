"""Forms of the team's pages, and the commands that they become."""

from uuid import UUID

import msgspec

from app.domains.auth.contracts import CreateServiceAccount
from app.domains.auth.contracts.team import ChangeOrganisation, InviteMember, SetRole
from app.domains.auth.rules.team import PROJECT_ROLES
from app.shared.errors import ValidationFailed
from app.shared.numbers import whole_number


def as_id(text: str, field: str) -> UUID | None:
    """The id in a select, None when nothing is chosen. Raises ValidationFailed."""
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise ValidationFailed(fields={field: "choose one of the list"}) from error


class InviteForm(msgspec.Struct, kw_only=True):
    email: str
    role: str
    project: str = ""

    def command(self) -> InviteMember:
        """A project counts only with a project's role, which needs one."""
        of_project = self.role in {role.value for role in PROJECT_ROLES}
        project_id = as_id(self.project, "project") if of_project else None
        if of_project and project_id is None:
            raise ValidationFailed(fields={"project": "choose the project that the role is for"})
        return InviteMember(email=self.email, role=self.role, project_id=project_id)


class RoleForm(msgspec.Struct, kw_only=True):
    role: str
    project: str = ""
    version: str = ""

    def command(self, user_id: UUID) -> SetRole:
        """An empty role takes it away."""
        return SetRole(
            user_id=user_id,
            role=self.role or None,
            project_id=as_id(self.project, "project"),
            version=as_version(self.version),
        )


class RemoveForm(msgspec.Struct, kw_only=True):
    confirm_name: str
    version: str = ""


class ConfirmForm(msgspec.Struct, kw_only=True):
    confirm_name: str


class PlaceForm(msgspec.Struct, kw_only=True):
    project: str


class OrganisationForm(msgspec.Struct, kw_only=True):
    name: str
    time_zone: str = "UTC"
    version: str = ""

    def change(self) -> ChangeOrganisation:
        return ChangeOrganisation(name=self.name, time_zone=self.time_zone, version=as_version(self.version))


class ProjectForm(msgspec.Struct, kw_only=True):
    name: str
    version: str = ""


class AccountForm(msgspec.Struct, kw_only=True):
    name: str
    role: str = "project_member"
    project: str = ""

    def command(self) -> CreateServiceAccount:
        return CreateServiceAccount(name=self.name, role=self.role, project_id=as_id(self.project, "project"))


def as_version(text: str) -> int | None:
    """The version that a form was made from. Raises ValidationFailed."""
    if not text:
        return None
    version = whole_number(text)
    if version is None:
        raise ValidationFailed(fields={"version": "reload the page"})
    return version
