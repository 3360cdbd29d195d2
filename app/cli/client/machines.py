"""Machines: what there is to rent, launch, show, release."""

import contextlib
import re
import sys
import time
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from app.cli.client import names, output
from app.cli.client.exits import Exit, Failure
from app.cli.client.follow import steadily
from app.cli.client.http import Api, Json
from app.cli.client.options import api_command, confirm_name
from app.cli.client.root import berth

PATH = "/api/v1/allocations"
POLL_SECONDS = 1.0
PLAIN_ARGUMENT = re.compile(r"[A-Za-z0-9._-]+")  # what a completion script can carry without quotes
STEPS = {
    "place": "choose a machine",
    "deploy": "install",
    "configure": "create your account",
    "probe": "check that it works",
    "activate": "activate",
}
ENDED = ("failed", "canceled", "released")


class MachineName(click.ParamType):  # type: ignore[type-arg]  # generic for type checkers only
    """A machine by name or id; the shell completes the names of active ones."""

    name = "machine"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Nothing when nobody is signed in: a shell shows no errors."""
        try:
            with contextlib.closing(Api()) as api:
                rows = api.items(PATH, live=True, limit=200)
                named = [(str(row["name"]), str(row["state"])) for row in rows]
        except Exception:
            return []
        return [
            CompletionItem(name, help=state) for name, state in named
            if name.startswith(incomplete) and PLAIN_ARGUMENT.fullmatch(name) and PLAIN_ARGUMENT.fullmatch(state)
        ]  # fmt: skip


MACHINE = MachineName()


@api_command(berth, "skus")
def skus(api: Api, as_json: bool) -> None:
    """Types of machines, their price and what is free now."""
    rows = api.items("/api/v1/skus")
    if as_json:
        output.show_json(rows)
        return
    output.table(
        ("TYPE", "TITLE", "GPUS", "MACHINE/H", "GPU/H", "FREE"),
        [_sku_row(row) for row in rows],
        "Nothing is on sale yet.",
        right=("GPUS", "MACHINE/H", "GPU/H", "FREE"),
    )


def _sku_row(row: Json) -> Sequence[object]:
    price, free = row["price"], row["available"]
    currency = price["currency"]
    whole, gpu = price["per_hour"], price["per_gpu_hour"]
    return (
        row["code"], row["title"], row.get("gpu_count"), output.money(whole, currency), output.money(gpu, currency),
        free["free_whole"],
    )  # fmt: skip


@api_command(berth, "images")
def images(api: Api, as_json: bool) -> None:
    """Images that a machine can be installed with."""
    rows = api.items("/api/v1/images")
    if as_json:
        output.show_json(rows)
        return
    output.table(("IMAGE", "TITLE"), [(row["code"], row["title"]) for row in rows], "There are no images yet.")


@api_command(berth, "launch")
@click.argument("sku")
@click.option("--image", default="", help="Else the first of berth images.")
@click.option("--gpus", type=click.IntRange(1, 64), help="Some of its GPUs; without it the whole machine.")
@click.option("--name", default="", help="Else one is found.")
@click.option("--key", "keys", multiple=True, help="An SSH key that opens it; without any, all of yours.")
@click.option("--no-keys", is_flag=True, help="None of your SSH keys opens it.")
@click.option("--wait", is_flag=True, help="Wait until it works; Ctrl-C leaves it on its way.")
@click.option("--dry-run", is_flag=True, help="Say what it would mean, change nothing.")
def launch(
    api: Api, as_json: bool, sku: str, image: str, gpus: int | None, name: str, keys: tuple[str, ...], no_keys: bool,
    wait: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Rent a machine. Nothing is charged before it works."""
    body: Json = {"sku": sku, "image": image or _first_image(api), "dry_run": dry_run}
    body |= {"gpus": gpus} if gpus is not None else {}
    body |= {"name": name} if name else {}
    if keys:
        own = api.items("/api/v1/ssh-keys")
        body["keys"] = [names.pick(own, ref, "key")["id"] for ref in keys]
    if no_keys:
        body["keys"] = []
    answer = api.post(PATH, body)
    if dry_run:
        _show_forecast(answer, as_json)
        return
    if as_json and not wait:
        output.show_json(answer)
        return
    if not as_json:
        rate = output.money(answer["rate_micro"], answer["currency"])
        output.say(f"{answer['name']} is on its way: {rate} an hour once it works.", err=wait)
    if wait:
        _wait(api, answer, as_json)


def _first_image(api: Api) -> str:
    rows = api.items("/api/v1/images")
    if not rows:
        raise Failure("There is no image to install yet.", Exit.NO_CAPACITY, "Ask the operator.")
    return str(next((row["code"] for row in rows if row.get("is_default")), rows[0]["code"]))


def _show_forecast(answer: Json, as_json: bool) -> None:
    if as_json:
        output.show_json(answer)
        return
    currency = answer["currency"]
    output.show_details(
        [
            ("Price", f"{output.money(answer['rate_micro'], currency)} an hour"),
            ("Hold", output.money(answer["hold_micro"], currency)),
            ("Available", output.money(answer["available_micro"], currency)),
            ("Empties", output.moment(answer["empties_after_at"]) if answer["empties_after_at"] else None),
            ("Ready in", output.seconds(answer["ready_seconds"]) if answer["ready_seconds"] is not None else None),
            ("Placement", answer["placement"]),
        ]
    )
    for reason in answer["blockers"]:
        output.say(f"Not possible now: {reason}")


def _wait(api: Api, launched: Json, as_json: bool) -> None:
    """Show each step as it goes. Ctrl-C leaves the launch running."""
    path, name = f"{PATH}/{launched['allocation_id']}", launched["name"]
    progress = Progress()
    try:
        while True:
            found = steadily(lambda: api.get(path))
            progress.show(found.get("steps") or [])
            if found["state"] == "active" or found["state"] in ENDED:
                break
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        progress.end()
        output.say(f"\n{name} goes on without you: berth show {name}. To stop it: berth cancel {name}", err=True)
        raise SystemExit(int(Exit.INTERRUPTED)) from None
    progress.end()
    if as_json:
        output.show_json(found)
    if found["state"] != "active":
        reason = found.get("failure_text") or f"The launch ended: {output.state(found)}."
        raise Failure(f"{name}: {reason}", Exit.CONFLICT, "Nothing was charged.")
    if not as_json:
        output.say(f"{name} works. Log in with: berth ssh {name}")


class Progress:
    """Steps of a launch on stderr: one line that moves on a terminal, else a line for each that is done."""

    def __init__(self) -> None:
        self._reported: set[tuple[str, int]] = set()
        self._moving = sys.stderr.isatty()
        self._open = False

    def show(self, steps: Sequence[Json]) -> None:
        for step in steps:
            key, label = (step["step"], step["attempt"]), STEPS.get(step["step"], step["step"])
            if step["state"] == "in_progress":
                self._now(f"… {label}  {step.get('detail') or ''}".rstrip())
            elif key not in self._reported:
                self._reported.add(key)
                self.end()
                mark = "✓" if step["state"] == "active" else "✗"
                output.say(f"{mark} {label}  {step.get('detail') or ''}".rstrip(), err=True)

    def _now(self, text: str) -> None:
        if self._moving:
            output.write(f"\r\033[K{output.cut(output.plain(text), 78)}", err=True)
            self._open = True

    def end(self) -> None:
        """Leave a clean line."""
        if self._open:
            output.write("\r\033[K", err=True)
            self._open = False


@api_command(berth, "ls")
@click.option("--all", "everything", is_flag=True, help="Those that have ended too.")
def ls(api: Api, as_json: bool, everything: bool) -> None:
    """The project's machines, newest first."""
    rows = api.items(PATH, live=not everything, limit=200)
    if as_json:
        output.show_json(output.listed(rows))
        return
    output.table(
        ("NAME", "STATE", "TYPE", "GPUS", "PRICE/H", "COST", "SINCE", "ID"),
        [
            (
                row["name"], output.state(row), row["sku"], row["gpus"],
                output.money(row["rate_per_hour"], row["currency"]), output.money(row["cost"], row["currency"]),
                output.moment(row["active_at"] or row["requested_at"]), output.short(row["id"]),
            )
            for row in rows
        ],
        "No active machines. Rent one with: berth launch TYPE (berth skus lists the types)",
        right=("GPUS", "PRICE/H", "COST"),
    )  # fmt: skip


@api_command(berth, "show")
@click.argument("machine", type=MACHINE)
def show(api: Api, as_json: bool, machine: str) -> None:
    """One machine with its steps."""
    found = api.get(f"{PATH}/{names.machine(api, machine)['id']}")
    if as_json:
        output.show_json(found)
        return
    currency = found["currency"]
    output.show_details(
        [
            ("Name", found["name"]), ("State", output.state(found)), ("Type", found["sku"]), ("GPUs", found["gpus"]),
            ("Image", found["image"]), ("Price", f"{output.money(found['rate_per_hour'], currency)} an hour"),
            ("Cost", output.money(found["cost"], currency)), ("Billed", output.seconds(found["cost_seconds"])),
            ("Requested", output.moment(found["requested_at"])),
            ("Active since", output.moment(found["active_at"]) if found["active_at"] else None),
            ("Ended", output.moment(found["ended_at"]) if found["ended_at"] else None),
            ("Reason", found["failure_text"]), ("Id", found["id"]),
        ]
    )  # fmt: skip
    for step in found["steps"] or []:
        mark = {"active": "✓", "failed": "✗", "in_progress": "…"}.get(step["state"], "-")
        output.say(
            f"  {mark} {STEPS.get(step['step'], step['step'])}  {output.plain(step['detail'] or '')}".rstrip(" -")
        )


@api_command(berth, "release")
@click.argument("machine", type=MACHINE)
@click.option("--yes", is_flag=True, help="Do not ask for the name.")
def release(api: Api, as_json: bool, machine: str, yes: bool) -> None:
    """Release a machine: billing ends now, everything on it is lost."""
    found = names.machine(api, machine)
    confirm_name(found["name"], f"Releasing {found['name']} erases everything on it", yes)
    answer = api.post(f"{PATH}/{found['id']}/release")
    if as_json:
        output.show_json(answer)
    else:
        output.say(f"{found['name']} is being released. Billing has ended.")


@api_command(berth, "cancel")
@click.argument("machine", type=MACHINE)
def cancel(api: Api, as_json: bool, machine: str) -> None:
    """Cancel a launch before the machine is active: nothing is charged."""
    found = names.machine(api, machine)
    answer = api.post(f"{PATH}/{found['id']}/cancel")
    if as_json:
        output.show_json(answer)
    else:
        output.say(f"The launch of {found['name']} is being canceled. Nothing is charged.")
