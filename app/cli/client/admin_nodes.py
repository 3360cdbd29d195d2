"""`berth admin nodes …`: one node of the fleet: in and out of service, upkeep, power, its history."""

import click

from app.cli.client import names, output
from app.cli.client.admin import PATH, admin
from app.cli.client.exits import Exit, Failure
from app.cli.client.http import Api, Json
from app.cli.client.options import INSTANT, api_command, confirm_name
from app.cli.client.results import show, show_list

ACTIONS = click.Choice(["on", "off", "cycle", "query"])


@admin.group("nodes")
def nodes() -> None:
    """Nodes of the fleet."""


def _node(api: Api, ref: str) -> Json:
    return names.pick(api.items(f"{PATH}/nodes", limit=200), ref, "node", "hostname")


def _path(node: Json) -> str:
    return f"{PATH}/nodes/{node['id']}"


@api_command(nodes, "ls")
@click.option("--state")
@click.option("--sku")
def nodes_ls(api: Api, as_json: bool, state: str | None, sku: str | None) -> None:
    """Nodes with our state beside that of MAAS."""
    show_list(
        api, as_json, f"{PATH}/nodes", ("NODE", "STATE", "TYPE", "ZONE", "MAAS", "REASON"),
        lambda row: (
            row["hostname"], output.state(row), row["sku"], row["zone"], row["maas_state"],
            row["state_reason"] or row["cordon_reason"],
        ),
        "No nodes.", state=state, sku=sku,
    )  # fmt: skip


@api_command(nodes, "show")
@click.argument("node")
def nodes_show(api: Api, as_json: bool, node: str) -> None:
    """One node."""
    found = api.get(_path(_node(api, node)))
    if as_json:
        output.show_json(found)
        return
    output.show_details(
        [
            ("Node", found["hostname"]), ("State", output.state(found)), ("Reason", found["state_reason"]),
            ("Type", found["sku_code"]), ("MAAS", found["maas_state"]), ("Power", found["power_state"]),
            ("Address", found["address"]), ("Cordoned", found["cordon_reason"]), ("Id", found["id"]),
        ]
    )  # fmt: skip
    for window in found["windows"]:
        span = f"{output.moment(window['starts_at'])} to {output.moment(window['ends_at'])}"
        output.say(f"Maintenance {span}: {output.plain(window['reason'])} ({output.short(window['id'])})")


@api_command(nodes, "history")
@click.argument("node")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
def nodes_history(api: Api, as_json: bool, node: str, limit: int) -> None:
    """What happened to a node, newest first."""
    show_list(
        api, as_json, f"{_path(_node(api, node))}/history", ("WHEN", "WHAT", "DETAIL", "MACHINE", "WHO"),
        lambda row: (
            output.moment(row["occurred_at"]), row["kind"].replace("_", " "), row["detail"],
            output.short(row["allocation_id"]) if row["allocation_id"] else "",
            output.short(row["actor_id"] or row["actor_kind"]),
        ),
        "Nothing has happened to it.", limit=limit,
    )  # fmt: skip


def _node_change(verb: str, sentence: str, help_text: str) -> None:
    @api_command(nodes, verb, help=help_text)
    @click.argument("node")
    @click.option("--reason", required=True)
    def change(api: Api, as_json: bool, node: str, reason: str) -> None:
        found = _node(api, node)
        show(api.post(f"{_path(found)}/{verb}", {"reason": reason}), as_json, sentence.format(found["hostname"]))


_node_change("cordon", "{} takes nothing new.", "Place nothing new on a node.")
_node_change("lift-quarantine", "{} is back in service.", "Back to service: somebody has looked at the node.")


@api_command(nodes, "uncordon")
@click.argument("node")
def nodes_uncordon(api: Api, as_json: bool, node: str) -> None:
    """Place on a node again."""
    found = _node(api, node)
    show(api.post(f"{_path(found)}/uncordon"), as_json, f"{found['hostname']} is in use again.")


@api_command(nodes, "drain")
@click.argument("node")
@click.option("--reason", required=True)
@click.option("--hours", type=click.IntRange(1), help="By when everybody should have left; else whenever.")
def nodes_drain(api: Api, as_json: bool, node: str, reason: str, hours: int | None) -> None:
    """Let a node run empty."""
    found = _node(api, node)
    answer = api.post(f"{_path(found)}/drain", {"reason": reason, "hours": hours})
    show(answer, as_json, f"{found['hostname']} is being drained.")


@api_command(nodes, "maintenance")
@click.argument("node")
@click.option("--reason", required=True)
@click.option("--from", "begin", type=INSTANT, help="Begin, such as 2026-12-01T08:00Z; else now.")
@click.option("--to", "end", type=INSTANT, required=True, help="End.")
def nodes_maintenance(api: Api, as_json: bool, node: str, reason: str, begin: str | None, end: str) -> None:
    """Plan a window of work on a node."""
    found = _node(api, node)
    body: Json = {"reason": reason, "ends_at": end, "starts_at": begin}
    show(api.post(f"{_path(found)}/maintenance", body), as_json, f"Planned: {found['hostname']}.")


@api_command(nodes, "end-maintenance")
@click.argument("node")
@click.option("--window", help="Which, by an ending of its id, when there is more than one.")
def nodes_end_maintenance(api: Api, as_json: bool, node: str, window: str | None) -> None:
    """Call planned work off, or end it early."""
    found = _node(api, node)
    windows = api.get(_path(found))["windows"]
    if window is None and len(windows) != 1:
        message = f"{found['hostname']} has {len(windows) or 'no'} planned windows."
        raise Failure(message, Exit.USAGE if windows else Exit.NOT_FOUND, "berth admin nodes show lists them.")
    chosen = windows[0] if window is None else names.pick(windows, window, "window", "id")
    answer = api.post(f"{_path(found)}/maintenance/{chosen['id']}/end")
    show(answer, as_json, f"The work on {found['hostname']} is over.")


@api_command(nodes, "power")
@click.argument("node")
@click.argument("action", type=ACTIONS)
@click.option("--reason", default="", help="Needed for all but query.")
@click.option("--yes", is_flag=True, help="Do not ask for the name.")
def nodes_power(api: Api, as_json: bool, node: str, action: str, reason: str, yes: bool) -> None:
    """Switch a node through MAAS: on, off or cycle; query asks how it is."""
    if action != "query" and not reason:
        raise click.UsageError(f"{action} needs --reason.")
    found = _node(api, node)
    confirm_name(found["hostname"], f"Switching {found['hostname']} {action}", yes or action == "query")
    body = {"action": action, "reason": reason, "confirm_name": found["hostname"]}
    answer = api.post(f"{_path(found)}/power", body)
    message = (
        f"{found['hostname']}: {action} is {answer['outcome']}, the power is {answer['power_state']}. {answer['said']}"
    )
    show(answer, as_json, output.plain(message.strip()))


@api_command(nodes, "retire")
@click.argument("node")
@click.option("--reason", required=True)
@click.option("--yes", is_flag=True, help="Do not ask for the name.")
def nodes_retire(api: Api, as_json: bool, node: str, reason: str, yes: bool) -> None:
    """Take a node out of service for good; nobody may be on it."""
    found = _node(api, node)
    confirm_name(found["hostname"], f"Retiring {found['hostname']}", yes)
    show(api.post(f"{_path(found)}/retire", {"reason": reason}), as_json, f"{found['hostname']} is retired.")


@api_command(nodes, "empty")
@click.argument("node")
@click.option("--reason", required=True, help="The customers read it.")
@click.option("--yes", is_flag=True, help="Do not ask for the name.")
def nodes_empty(api: Api, as_json: bool, node: str, reason: str, yes: bool) -> None:
    """Release every machine on a node."""
    found = _node(api, node)
    confirm_name(found["hostname"], f"Taking back all on {found['hostname']} erases everything on it", yes)
    answer = api.post(f"{_path(found)}/empty", {"reason": reason})
    if as_json:
        output.show_json(answer)
        return
    output.table(
        ("NAME", "OUTCOME", "WHY", "ID"),
        [(row["name"], row["outcome"], row["why"], output.short(row["allocation_id"])) for row in answer["items"]],
        f"Nobody is on {found['hostname']}.",
    )
