"""`berth apps …`: apps on machines."""

from functools import partial

import click

from app.cli.client import local, names, output
from app.cli.client.exits import Exit, Failure
from app.cli.client.follow import steadily
from app.cli.client.http import Api, Json
from app.cli.client.machines import MACHINE
from app.cli.client.options import api_command, confirm_name
from app.cli.client.results import show, show_list
from app.cli.client.root import berth

PATH = "/api/v1/apps"


@berth.group("apps")
def apps() -> None:
    """Apps on your machines."""


@apps.group("members")
def members() -> None:
    """Who may open an app."""


def _app(api: Api, ref: str) -> Json:
    return names.live_first(api, PATH, ref, "app")


@api_command(apps, "catalog")
def apps_catalog(api: Api, as_json: bool) -> None:
    """What can be started."""
    show_list(
        api, as_json, f"{PATH}/catalog", ("APP", "TITLE", "VERSION", "WHAT"),
        lambda row: (row["slug"], row["title"], row["version"], row["summary"]), "There are no apps yet.",
    )  # fmt: skip


@api_command(apps, "ls")
@click.option("--all", "everything", is_flag=True, help="Those that have ended too.")
def apps_ls(api: Api, as_json: bool, everything: bool) -> None:
    """Apps of the project."""
    show_list(
        api, as_json, PATH, ("NAME", "STATE", "APP", "MACHINE", "ID"),
        lambda row: (row["name"], row["state"], row["title"], row["machine_name"], output.short(row["id"])),
        "No apps. Start one with: berth apps launch APP MACHINE (berth apps catalog lists them)", live=not everything,
    )  # fmt: skip


@api_command(apps, "show")
@click.argument("app")
def apps_show(api: Api, as_json: bool, app: str) -> None:
    """One app."""
    found = api.get(f"{PATH}/{_app(api, app)['id']}")
    if as_json:
        output.show_json(found)
        return
    output.show_details(
        [
            ("Name", found["name"]), ("State", found["state"]), ("App", f"{found['title']} {found['app_version']}"),
            ("Machine", found["machine_name"]), ("Opens at", found["url"]), ("Reason", found["failure_text"]),
            ("Runs since", output.moment(found["running_at"]) if found["running_at"] else None), ("Id", found["id"]),
        ]
    )  # fmt: skip


@api_command(apps, "launch")
@click.argument("slug")
@click.argument("machine", type=MACHINE)
@click.option("--name", default="", help="Else one is found.")
def apps_launch(api: Api, as_json: bool, slug: str, machine: str, name: str) -> None:
    """Start an app on a machine."""
    target = names.machine(api, machine)
    answer = api.post(PATH, {"app": slug, "machine": target["id"], **({"name": name} if name else {})})
    show(answer, as_json, f"{answer.get('name') or slug} is on its way on {target['name']}.")


def _change(verb: str, sentence: str, help_text: str) -> None:
    @api_command(apps, verb, help=help_text)
    @click.argument("app")
    def change(api: Api, as_json: bool, app: str) -> None:
        found = _app(api, app)
        show(api.post(f"{PATH}/{found['id']}/{verb}"), as_json, sentence.format(found["name"]))


_change("stop", "{} is being stopped.", "Stop an app; its files stay.")
_change("start", "{} is being started.", "Start a stopped app.")
_change("restart", "{} is being restarted.", "Stop an app and start it.")


@api_command(apps, "release")
@click.argument("app")
@click.option("--yes", is_flag=True, help="Do not ask.")
def apps_release(api: Api, as_json: bool, app: str, yes: bool) -> None:
    """End an app for good."""
    found = _app(api, app)
    confirm_name(found["name"], f"Ending {found['name']} for good", yes)
    show(api.post(f"{PATH}/{found['id']}/release"), as_json, f"{found['name']} is being ended.")


@api_command(apps, "logs")
@click.argument("app")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
def apps_logs(api: Api, as_json: bool, app: str, follow: bool) -> None:
    """What an app has written."""
    path, offset = f"{PATH}/{_app(api, app)['id']}/logs", 0
    while True:
        asked = {"offset": offset, "wait": 20 if follow and offset else None}
        ask = partial(api.get, path, **asked)
        part = steadily(ask) if follow else ask()
        if as_json:
            output.show_line(part)
        elif part["text"]:
            output.say(part["text"], end="")
        moved, offset = part["next"] != offset, int(part["next"])
        if not follow and (not moved or offset >= part["end"]):
            return


@api_command(apps, "open")
@click.argument("app")
def apps_open(api: Api, as_json: bool, app: str) -> None:
    """Open an app in the browser."""
    found = api.get(f"{PATH}/{_app(api, app)['id']}")
    if not found["open_url"]:
        raise Failure(f"{found['name']} has ended.", Exit.CONFLICT)
    address = found["open_url"] if found["open_url"].startswith("http") else api.url + found["open_url"]
    if as_json:
        output.show_json(found)
        return
    output.say(address)
    local.browse(address)


@api_command(members, "ls")
@click.argument("app")
def members_ls(api: Api, as_json: bool, app: str) -> None:
    """Who may open an app."""
    show_list(
        api, as_json, f"{PATH}/{_app(api, app)['id']}/members", ("NAME", "E-MAIL", "ROLE"),
        lambda row: (row["name"], row["email"], row["role"]), "Nobody but its owner.",
    )  # fmt: skip


@api_command(members, "add")
@click.argument("app")
@click.argument("email")
@click.option("--role", default="user", show_default=True)
def members_add(api: Api, as_json: bool, app: str, email: str, role: str) -> None:
    """Let somebody open an app."""
    answer = api.put(f"{PATH}/{_app(api, app)['id']}/members", {"email": email, "role": role})
    show(answer, as_json, f"{email} may open it.")


@api_command(members, "rm")
@click.argument("app")
@click.argument("email")
def members_rm(api: Api, as_json: bool, app: str, email: str) -> None:
    """Let somebody open an app no more."""
    path = f"{PATH}/{_app(api, app)['id']}/members"
    found = names.pick(api.items(path), email, "member", "email")
    show(api.delete(f"{path}/{found['user_id']}"), as_json, f"{found['name']} may not open it any more.")
