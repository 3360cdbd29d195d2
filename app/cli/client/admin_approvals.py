"""`berth admin approvals …`: what one operator asked for and another one decides."""

import click

from app.cli.client import output
from app.cli.client.address import segment
from app.cli.client.admin import PATH, admin
from app.cli.client.http import Api
from app.cli.client.options import api_command
from app.cli.client.results import show, show_list


@admin.group("approvals")
def approvals() -> None:
    """What takes a second person."""


@api_command(approvals, "ls")
@click.option("--state", type=click.Choice(["requested", "approved", "rejected"]))
def approvals_ls(api: Api, as_json: bool, state: str | None) -> None:
    """Requests of all operators, newest first."""
    show_list(
        api, as_json, f"{PATH}/change-requests", ("WHEN", "STATE", "WHAT", "WHY", "ID"),
        lambda row: (
            output.moment(row["requested_at"]), row["status"], row["summary"], row["reason"], row["id"],
        ),
        "Nothing waits.", limit=200, state=state,
    )  # fmt: skip


@api_command(approvals, "approve")
@click.argument("request", type=click.UUID)
@click.option("--reason", default="")
def approvals_approve(api: Api, as_json: bool, request: object, reason: str) -> None:
    """Let somebody else's request be done, by its whole id."""
    show(api.post(f"{PATH}/change-requests/{segment(request)}/approve", {"reason": reason}), as_json, "It is done.")


@api_command(approvals, "reject")
@click.argument("request", type=click.UUID)
@click.option("--reason", required=True)
def approvals_reject(api: Api, as_json: bool, request: object, reason: str) -> None:
    """Reject a request, or withdraw your own."""
    show(api.post(f"{PATH}/change-requests/{segment(request)}/reject", {"reason": reason}), as_json, "It is rejected.")
