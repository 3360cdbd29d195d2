"""Money: balance, usage, ledger."""

import click

from app.cli.client import output
from app.cli.client.http import Api
from app.cli.client.options import api_command
from app.cli.client.root import berth


@api_command(berth, "balance")
def balance(api: Api, as_json: bool) -> None:
    """What there is, what burns, and how long it lasts."""
    found = api.get("/api/v1/billing/balance")
    if as_json:
        output.show_json(found)
        return
    currency = found["currency"]
    output.show_details(
        [
            ("Available", output.money(found["available"], currency)),
            ("Held", output.money(found["held"], currency)),
            ("Burns", f"{output.money(found['burn_per_hour'], currency)} an hour"),
            ("Lasts", output.seconds(found["runway_seconds"]) if found["runway_seconds"] is not None else None),
            ("Empties", output.moment(found["empties_at"]) if found["empties_at"] else None),
            ("Active machines", found["running"]),
        ]
    )


@api_command(berth, "ledger")
@click.option("--limit", default=50, type=click.IntRange(1, 1000), show_default=True)
@click.option("--kind", help="Only this kind, such as usage or payment.")
def ledger(api: Api, as_json: bool, limit: int, kind: str | None) -> None:
    """Every movement of money, newest first. (berth ledger verify recomputes it, for operators of the server.)"""
    rows = []
    for row in api.each("/api/v1/billing/ledger", kind=kind, limit=min(limit, 200)):
        rows.append(row)
        if len(rows) == limit:
            break
    if as_json:
        output.show_json(output.listed(rows))
        return
    output.table(
        ("WHEN", "KIND", "CHANGE", "HELD", "ID"),
        [
            (
                output.moment(row["occurred_at"]), row["kind"], output.money(row["change"], row["currency"]),
                output.money(row["moved"], row["currency"]), output.short(row["id"]),
            )
            for row in rows
        ],
        "Nothing has moved yet. Add credit on the Billing page.",
        right=("CHANGE", "HELD"),
    )  # fmt: skip


@api_command(berth, "usage")
@click.option("--by", type=click.Choice(["day", "sku", "project", "machine"]), default="machine", show_default=True)
@click.option("--from", "begin", help="First day, such as 2026-11-01.")
@click.option("--to", "end", help="Last day.")
def usage(api: Api, as_json: bool, by: str, begin: str | None, end: str | None) -> None:
    """What was used and what it cost."""
    found = api.get("/api/v1/usage", by=by, **{"from": begin, "to": end})
    if as_json:
        output.show_json(found)
        return
    currency = found["currency"]
    output.table(
        (by.upper(), "TIME", "GPU TIME", "AMOUNT"),
        [
            (
                row["name"], output.seconds(row["seconds"]), output.seconds(row["gpu_seconds"]),
                output.money(row["amount"], currency),
            )
            for row in found["items"]
        ],
        "Nothing was used in this time.",
        right=("TIME", "GPU TIME", "AMOUNT"),
    )  # fmt: skip
    output.say(f"Total {output.money(found['total'], currency)}")
