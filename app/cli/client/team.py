"""`berth team …`, `projects …`, `accounts …`: people, projects and service accounts of the organisation."""

import click

from app.cli.client import names, output
from app.cli.client.http import Api, Json
from app.cli.client.options import api_command, confirm_name
from app.cli.client.results import show, show_list
from app.cli.client.root import berth

MEMBERS, INVITATIONS = "/api/v1/team/members", "/api/v1/team/invitations"
PROJECTS, ACCOUNTS = "/api/v1/projects", "/api/v1/service-accounts"


@berth.group("team")
def team() -> None:
    """Members of the organisation and invitations."""


@berth.group("projects")
def projects() -> None:
    """Projects of the organisation."""


@berth.group("accounts")
def accounts() -> None:
    """Service accounts, for programs."""


def _member(api: Api, ref: str) -> Json:
    return names.pick(api.items(MEMBERS), ref, "member", "email")


def _project(api: Api, ref: str | None) -> str | None:
    return None if ref is None else str(names.pick(api.items(PROJECTS), ref, "project")["id"])


@api_command(team, "ls")
def team_ls(api: Api, as_json: bool) -> None:
    """Members, then invitations that wait."""
    show_list(
        api, as_json, MEMBERS, ("NAME", "E-MAIL", "ROLE", "LAST SEEN"),
        lambda row: (row["name"], row["email"], row["role"], output.moment(row["last_seen_at"])), "Nobody is here.",
    )  # fmt: skip
    if as_json:
        return
    waiting = api.items(INVITATIONS, state="pending")
    if waiting:
        output.say("")
        rows = [(row["email"], row["role"], output.moment(row["expires_at"])) for row in waiting]
        output.table(("INVITED", "ROLE", "UNTIL"), rows, "")


@api_command(team, "invite")
@click.argument("email")
@click.option("--role", required=True, help="Such as tenant_member, or project_member with --project.")
@click.option("--project", help="Only into this project.")
def team_invite(api: Api, as_json: bool, email: str, role: str, project: str | None) -> None:
    """Invite somebody by e-mail."""
    answer = api.post(INVITATIONS, {"email": email, "role": role, "project_id": _project(api, project)})
    show(answer, as_json, f"{email} is invited as {role}.")


@api_command(team, "revoke")
@click.argument("email")
def team_revoke(api: Api, as_json: bool, email: str) -> None:
    """Revoke an invitation."""
    found = names.pick(api.items(INVITATIONS, state="pending"), email, "invitation", "email")
    show(api.delete(f"{INVITATIONS}/{found['id']}"), as_json, f"The invitation of {found['email']} is revoked.")


@api_command(team, "role")
@click.argument("email")
@click.argument("role")
@click.option("--project", help="Their role in this project.")
def team_role(api: Api, as_json: bool, email: str, role: str, project: str | None) -> None:
    """Give a member another role."""
    found = _member(api, email)
    answer = api.patch(f"{MEMBERS}/{found['user_id']}", {"role": role, "project_id": _project(api, project)})
    show(answer, as_json, f"{found['name']} is {role} now.")


@api_command(team, "rm")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
def team_rm(api: Api, as_json: bool, email: str, yes: bool) -> None:
    """Remove a member from the organisation."""
    found = _member(api, email)
    confirm_name(found["email"], f"Removing {found['name']} ends their access", yes)
    show(api.delete(f"{MEMBERS}/{found['user_id']}"), as_json, f"{found['name']} is no member any more.")


@api_command(projects, "ls")
def projects_ls(api: Api, as_json: bool) -> None:
    """Projects, with their ids."""
    show_list(
        api, as_json, PROJECTS, ("NAME", "SINCE", "ID"),
        lambda row: (row["name"], output.moment(row["created_at"]), output.short(row["id"])), "No projects.",
    )  # fmt: skip


@api_command(projects, "add")
@click.argument("name")
def projects_add(api: Api, as_json: bool, name: str) -> None:
    """Make a project."""
    show(api.post(PROJECTS, {"name": name}), as_json, f"Project {name} is there.")


@api_command(accounts, "ls")
def accounts_ls(api: Api, as_json: bool) -> None:
    """Service accounts in use."""
    show_list(
        api, as_json, ACCOUNTS, ("NAME", "ROLE", "PROJECT", "CREDENTIALS", "LAST USED"),
        lambda row: (
            row["name"], row["role"], row["project_name"], row["credentials"], output.moment(row["last_used_at"])
        ),
        "No service accounts. Make one with: berth accounts add NAME",
    )  # fmt: skip


@api_command(accounts, "add")
@click.argument("name")
@click.option("--role", default="project_member", show_default=True)
@click.option("--project", help="Else the one where you stand.")
def accounts_add(api: Api, as_json: bool, name: str, role: str, project: str | None) -> None:
    """Make a service account."""
    answer = api.post(ACCOUNTS, {"name": name, "role": role, "project_id": _project(api, project)})
    show(answer, as_json, f"{name} is there. It can do nothing yet: berth accounts credential {name}")


@api_command(accounts, "credential")
@click.argument("account")
def accounts_credential(api: Api, as_json: bool, account: str) -> None:
    """Make a client id and its secret, which is shown this once."""
    found = names.pick(api.items(ACCOUNTS), account, "service account")
    answer = api.post(f"{ACCOUNTS}/{found['id']}/credentials")
    if as_json:
        output.show_json(answer)
        return
    output.show_details([("Client id", answer["client_id"]), ("Secret", answer.get("client_secret"))])


@api_command(accounts, "disable")
@click.argument("account")
@click.option("--yes", is_flag=True, help="Do not ask.")
def accounts_disable(api: Api, as_json: bool, account: str, yes: bool) -> None:
    """End a service account and its tokens."""
    found = names.pick(api.items(ACCOUNTS), account, "service account")
    confirm_name(found["name"], f"Disabling {found['name']} ends every program that uses it", yes)
    show(api.delete(f"{ACCOUNTS}/{found['id']}"), as_json, f"{found['name']} is disabled.")
