"""`berth inbox`, `webhooks …`: notifications, and addresses that receive events."""

import click

from app.cli.client import names, output
from app.cli.client.address import segment
from app.cli.client.http import Api, Json
from app.cli.client.options import api_command
from app.cli.client.results import show, show_list
from app.cli.client.root import berth

HOOKS = "/api/v1/webhooks"


@api_command(berth, "inbox")
@click.option("--read", is_flag=True, help="Mark all as read.")
@click.option("--all", "everything", is_flag=True, help="Those that were read too.")
def inbox(api: Api, as_json: bool, read: bool, everything: bool) -> None:
    """Notifications, newest first."""
    show_list(
        api, as_json, "/api/v1/notifications", ("WHEN", "TITLE", "TEXT"),
        lambda row: (output.moment(row["occurred_at"]), row["title"], row["text"]), "Nothing new.", limit=50,
        unread=not everything,
    )  # fmt: skip
    if read:
        api.post("/api/v1/notifications/read", {})


@berth.group("webhooks")
def webhooks() -> None:
    """Addresses that receive your events."""


def _hook(api: Api, ref: str) -> Json:
    return names.pick(api.items(HOOKS), ref, "webhook", "url")


@api_command(webhooks, "ls")
def webhooks_ls(api: Api, as_json: bool) -> None:
    """Your webhooks."""
    show_list(
        api, as_json, HOOKS, ("URL", "STATE", "EVENTS", "ID"),
        lambda row: (row["url"], row["state"], ", ".join(row["kinds"]) or "all", output.short(row["id"])),
        "No webhooks. Add one with: berth webhooks add URL --event EVENT",
    )  # fmt: skip


@api_command(webhooks, "add")
@click.argument("address")
@click.option("--event", "kinds", multiple=True, required=True, help="Once for each kind of event.")
@click.option("--description", default="")
def webhooks_add(api: Api, as_json: bool, address: str, kinds: tuple[str, ...], description: str) -> None:
    """Send events to an address. Its secret is shown only now."""
    answer = api.post(HOOKS, {"url": address, "description": description, "kinds": list(kinds)})
    if as_json:
        output.show_json(answer)
        return
    output.show_details([("Webhook", answer["url"]), ("Secret", answer.get("secret")), ("Id", answer["id"])])


@api_command(webhooks, "rm")
@click.argument("webhook")
def webhooks_rm(api: Api, as_json: bool, webhook: str) -> None:
    """Tell an address no more."""
    found = _hook(api, webhook)
    show(api.delete(f"{HOOKS}/{found['id']}"), as_json, f"{found['url']} receives no more events.")


@api_command(webhooks, "deliveries")
@click.argument("webhook")
def webhooks_deliveries(api: Api, as_json: bool, webhook: str) -> None:
    """What was sent to an address and how that went."""
    show_list(
        api, as_json, f"{HOOKS}/{_hook(api, webhook)['id']}/deliveries", ("WHEN", "EVENT", "STATE", "ID"),
        lambda row: (output.moment(row["created_at"]), row["kind"], row["state"], row["id"]), "Nothing was sent yet.",
        limit=100,
    )  # fmt: skip


@api_command(webhooks, "replay")
@click.argument("delivery")
def webhooks_replay(api: Api, as_json: bool, delivery: str) -> None:
    """Send one delivery again, by its whole id."""
    show(api.post(f"{HOOKS}/deliveries/{segment(delivery)}/replay"), as_json, "It is sent again.")
