"""`berth admin …`: the operator's side: fleet, machines of all customers, money, audit, policies.

Nodes, the catalog and the machinery have modules of their own: admin_nodes, admin_catalog, admin_system.
"""

import json

import click

from app.cli.client import names, output
from app.cli.client.address import segment
from app.cli.client.exits import Exit, Failure
from app.cli.client.http import Api, Json
from app.cli.client.options import AMOUNT, api_command, confirm_name
from app.cli.client.results import show, show_list
from app.cli.client.root import berth

PATH = "/api/v1/admin"
LARGEST_EXPORT = 1024 * 1024 * 1024  # bytes


@berth.group("admin")
def admin() -> None:
    """For operators: fleet, catalog, customers, money, audit, policies, system."""


@admin.group("machines")
def machines() -> None:
    """Machines of all customers."""


@admin.group("customers")
def customers() -> None:
    """Organisations."""


@admin.group("payments")
def payments() -> None:
    """Payments and refunds."""


@admin.group("policies")
def policies() -> None:
    """Business constants."""


@api_command(admin, "fleet")
def fleet(api: Api, as_json: bool) -> None:
    """How full the fleet is and what is stuck."""
    found = api.get(f"{PATH}/fleet")
    if as_json:
        output.show_json(found)
        return
    revenue = ", ".join(output.money(amount, currency) for currency, amount in found["revenue_per_hour"].items())
    output.show_details(
        [
            ("Nodes", found["nodes"]), ("Slots in service", found["slots_in_service"]), ("Sold", found["sold_slots"]),
            ("Free", found["free_slots"]), ("Revenue an hour", revenue or "0"), ("Waiting", found["waiting"]),
            ("Stuck", found["stuck"]),
        ]
    )  # fmt: skip


@api_command(admin, "stuck")
def stuck(api: Api, as_json: bool) -> None:
    """What has been in a state for longer than it may, and what is done about it by itself."""
    found = api.get(f"{PATH}/stuck")
    if as_json:
        output.show_json(found)
        return
    output.table(
        ("NAME", "KIND", "STATE", "STEP", "FOR", "MAY TAKE", "REASON", "NEXT", "ID"),
        [
            (
                row["name"], row["kind"], output.state(row), row["step"], output.seconds(row["age_seconds"]),
                output.seconds(row["sla_seconds"]), row["reason"], row["automatic"], output.short(row["id"]),
            )
            for row in found["items"]
        ],
        "Nothing is stuck.",
    )  # fmt: skip


@api_command(machines, "ls")
@click.option("--all", "everything", is_flag=True, help="Those that have ended too.")
@click.option("--stuck", is_flag=True)
def machines_ls(api: Api, as_json: bool, everything: bool, stuck: bool) -> None:
    """Machines of all customers."""
    show_list(
        api, as_json, f"{PATH}/allocations", ("NAME", "CUSTOMER", "STATE", "TYPE", "NODE", "SINCE", "ID"),
        lambda row: (
            row["name"], row["tenant"], output.state(row), row["sku"], row["node"],
            output.moment(row["state_changed_at"]), output.short(row["id"]),
        ),
        "No machines.", live=not everything, stuck=stuck,
    )  # fmt: skip


@api_command(machines, "release")
@click.argument("machine")
@click.option("--reason", required=True, help="The customer reads it.")
@click.option("--yes", is_flag=True, help="Do not ask for the name.")
def machines_release(api: Api, as_json: bool, machine: str, reason: str, yes: bool) -> None:
    """Release a machine of any organisation."""
    found = names.machine(api, machine, path=f"{PATH}/allocations")
    confirm_name(found["name"], f"Releasing {found['name']} of {found['tenant']} erases everything on it", yes)
    answer = api.post(f"{PATH}/allocations/{found['id']}/release", {"reason": reason})
    show(answer, as_json, f"{found['name']} is being released.")


@api_command(customers, "ls")
@click.option("--search", "q", default="")
def customers_ls(api: Api, as_json: bool, q: str) -> None:
    """Organisations."""
    show_list(
        api, as_json, f"{PATH}/customers", ("NAME", "PEOPLE", "PROJECTS", "SINCE", "SUSPENDED", "ID"),
        lambda row: (
            row["name"], row["people"], row["projects"], output.moment(row["created_at"]), row["suspended_reason"],
            output.short(row["id"]),
        ),
        "No customers.", q=q,
    )  # fmt: skip


def _customer(api: Api, ref: str) -> Json:
    return names.pick(api.items(f"{PATH}/customers", limit=200), ref, "customer")


@api_command(customers, "show")
@click.argument("customer")
def customers_show(api: Api, as_json: bool, customer: str) -> None:
    """One organisation, as the API has it."""
    output.show_json(api.get(f"{PATH}/customers/{_customer(api, customer)['id']}"))


def _customer_change(verb: str, sentence: str, help_text: str) -> None:
    @api_command(customers, verb, help=help_text)
    @click.argument("customer")
    @click.option("--reason", required=True)
    def change(api: Api, as_json: bool, customer: str, reason: str) -> None:
        found = _customer(api, customer)
        answer = api.post(f"{PATH}/customers/{found['id']}/{verb}", {"reason": reason})
        show(answer, as_json, sentence.format(found["name"]))


_customer_change("suspend", "{} is suspended.", "Suspend an organisation: nobody of it gets in.")
_customer_change("resume", "{} may come in again.", "Let a suspended organisation in again.")


@api_command(payments, "ls")
@click.option("--state")
def payments_ls(api: Api, as_json: bool, state: str | None) -> None:
    """Payments of all customers."""
    show_list(
        api, as_json, f"{PATH}/payments", ("WHEN", "AMOUNT", "STATUS", "REFUNDED", "ID"),
        lambda row: (
            output.moment(row["created_at"]), output.money(row["amount"], row["currency"]), row["status"],
            output.money(row["refunded"], row["currency"]), row["id"],
        ),
        "No payments.", limit=200, state=state,
    )  # fmt: skip


@api_command(payments, "refund")
@click.argument("payment")
@click.option("--amount", type=AMOUNT, help="Such as 12.50; without it all that is left of the payment.")
@click.option("--reason", required=True)
def payments_refund(api: Api, as_json: bool, payment: str, amount: int | None, reason: str) -> None:
    """Ask for a refund, by the payment's whole id."""
    path = f"{PATH}/payments/{segment(payment)}"
    wanted = api.get(path)["refundable"] if amount is None else amount
    answer = api.post(f"{path}/refunds", {"amount": wanted, "reason": reason})
    show(answer, as_json, "The refund is asked for.")


@api_command(payments, "approve")
@click.argument("refund")
@click.option("--reason", default="")
def payments_approve(api: Api, as_json: bool, refund: str, reason: str) -> None:
    """Approve somebody else's refund, by its whole id."""
    show(api.post(f"{PATH}/refunds/{segment(refund)}/approve", {"reason": reason}), as_json, "The refund is approved.")


@api_command(admin, "audit")
@click.option("--action")
@click.option("--actor")
@click.option("--target")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="Everything, as a file.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
def audit(
    api: Api, as_json: bool, action: str | None, actor: str | None, target: str | None, form: str | None, limit: int
) -> None:
    """Who did what."""
    chosen = {"action": action, "actor": actor, "target": target}
    if form:
        body = {name: value for name, value in chosen.items() if value} | {"format": form}
        answer = api.call("POST", f"{PATH}/audit/export", body=body, largest=LARGEST_EXPORT, accept="*/*")
        output.write(answer.text)
        return
    show_list(
        api, as_json, f"{PATH}/audit", ("WHEN", "ACTOR", "ACTION", "TARGET", "RESULT"),
        lambda row: (
            output.moment(row["occurred_at"]), output.short(row["actor_id"] or row["actor_kind"]), row["action"],
            f"{row['target_kind']} {row['target_id']}", row["result"],
        ),
        "Nothing was done.", limit=limit, **chosen,
    )  # fmt: skip


@api_command(policies, "ls")
def policies_ls(api: Api, as_json: bool) -> None:
    """Every constant with its value."""
    show_list(
        api, as_json, f"{PATH}/policies", ("KEY", "VALUE", "UNIT", "DEFAULT", "MEANING"),
        lambda row: (row["key"], row["value"], row["unit"], row["default"], row["description"]), "No policies.",
    )  # fmt: skip


def _number(key: str, value: str) -> object:
    """The JSON value that a word means. Raises Failure."""
    try:
        found: object = json.loads(value.lower(), parse_constant=lambda name: None)
    except (ValueError, RecursionError) as error:
        raise Failure(f"{value!r} is no value for {key}.", Exit.USAGE, "Look with: berth admin policies ls") from error
    return found


@api_command(policies, "set")
@click.argument("key")
@click.argument("value")
@click.option("--reason", required=True)
def policies_set(api: Api, as_json: bool, key: str, value: str, reason: str) -> None:
    """Set a constant for everybody."""
    kind = api.get(f"{PATH}/policies/{segment(key)}")["kind"]
    given = value if kind in ("str", "text", "string") else _number(key, value)
    answer = api.put(f"{PATH}/policies/{segment(key)}", {"value": given, "reason": reason})
    show(answer, as_json, f"{key} is {value} now.")
