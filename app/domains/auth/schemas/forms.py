"""Forms of the pages and of the authorization server, and the commands that they become."""

from uuid import UUID

import msgspec

from app.domains.auth.rules.team import PROJECT_ROLES
from app.domains.auth.rules.values import Visit
from app.domains.auth.service.accounts import CreateServiceAccount
from app.domains.auth.service.invitations import InviteMember
from app.domains.auth.service.organisations import ChangeOrganisation
from app.domains.auth.service.programs import GrantAccess, RedeemCode
from app.domains.auth.service.team import SetRole
from app.shared.errors import ValidationFailed
from app.shared.numbers import whole_number


def as_id(text: str, field: str) -> UUID | None:
    """The id of a select; None when nothing is chosen. Raises ValidationFailed."""
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise ValidationFailed(fields={field: "choose one of the list"}) from error


class InviteForm(msgspec.Struct, kw_only=True):
    email: str
    role: str
    project: str = ""

    def command(self) -> InviteMember:
        """The project is used only with a role of a project, which requires one. Raises ValidationFailed."""
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
        """An empty role removes the role."""
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


class SwitchProjectForm(msgspec.Struct, kw_only=True):
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
    """The version that the form was rendered with. Raises ValidationFailed."""
    if not text:
        return None
    version = whole_number(text)
    if version is None:
        raise ValidationFailed(fields={"version": "reload the page"})
    return version


class InternalLoginForm(msgspec.Struct, kw_only=True):
    person: str
    next: str = "/"


class TokenForm(msgspec.Struct, kw_only=True):
    """RFC 6749 §4.1.3, §4.4 and §6; a client with a secret may also authenticate by HTTP Basic."""

    grant_type: str
    client_id: str = ""
    client_secret: str = ""
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str = ""
    refresh_token: str = ""
    scope: str = ""


class RevokeForm(msgspec.Struct, kw_only=True):
    """RFC 7009 §2.1."""

    token: str
    token_type_hint: str = ""


class AuthorizeForm(msgspec.Struct, kw_only=True):
    """The authorization request, carried through the consent page."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str
    state: str = ""

    def command(self) -> GrantAccess:
        return GrantAccess(
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            code_challenge=self.code_challenge,
            code_challenge_method=self.code_challenge_method,
        )


def redeem_command(data: TokenForm, visit: Visit) -> RedeemCode:
    """The command to exchange an authorization code."""
    return RedeemCode(
        client_id=data.client_id,
        code=data.code,
        redirect_uri=data.redirect_uri,
        code_verifier=data.code_verifier,
        visit=visit,
    )
