"""`berth admin dead-letters|announce|announcements …`: messages that were given up, and words on every page."""

import click

from app.cli.client import names, output
from app.cli.client.admin import PATH, admin
from app.cli.client.http import Api, Json
from app.cli.client.options import INSTANT, api_command
from app.cli.client.results import show, show_list, show_rows

LEVELS = click.Choice(["good", "busy", "warn", "bad"])
AUDIENCES = click.Choice(["everybody", "customers", "operators"])


@admin.group("dead-letters")
def letters() -> None:
    """Messages that were given up."""


@admin.group("announcements")
def announcements() -> None:
    """Messages on every page."""


def _letters(api: Api, refs: tuple[str, ...]) -> list[Json]:
    rows = api.items(f"{PATH}/dead-letters", all=True, limit=200)
    return [names.pick(rows, ref, "dead letter", "id") for ref in refs]


@api_command(letters, "ls")
@click.option("--source", help="relay, or the name of a consumer.")
@click.option("--all", "everything", is_flag=True, help="Those sent again or given up too.")
def letters_ls(api: Api, as_json: bool, source: str | None, everything: bool) -> None:
    """Messages that were given up, newest first."""
    show_list(
        api, as_json, f"{PATH}/dead-letters", ("WHEN", "SOURCE", "NAME", "TRIES", "STATE", "ERROR", "ID"),
        lambda row: (
            output.moment(row["created_at"]), row["source"], row["name"], row["attempts"], _state(row), row["error"],
            output.short(row["id"]),
        ),
        "No dead letters.", source=source, all=everything,
    )  # fmt: skip


def _state(row: Json) -> str:
    return "discarded" if row["discarded_at"] else "sent again" if row["redriven_at"] else "waits"


@api_command(letters, "show")
@click.argument("letter")
def letters_show(api: Api, as_json: bool, letter: str) -> None:
    """One message with its body, as the API has it."""
    output.show_json(api.get(f"{PATH}/dead-letters/{_letters(api, (letter,))[0]['id']}"))


@api_command(letters, "redrive")
@click.argument("letters", metavar="LETTER...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that wait, the oldest first.")
@click.option("--source", help="With --all: only those of one source.")
def letters_redrive(api: Api, as_json: bool, letters: tuple[str, ...], everything: bool, source: str | None) -> None:
    """Send messages again."""
    if everything == bool(letters):
        raise click.UsageError("Give the letters, or --all.")
    if source and not everything:
        raise click.UsageError("--source goes with --all.")
    body: Json = {"ids": [row["id"] for row in _letters(api, letters)] if letters else None, "source": source}
    answer = api.post(f"{PATH}/dead-letters/redrive", body)
    show(answer, as_json, f"Sent again: {answer['count']}.")


@api_command(letters, "discard")
@click.argument("letter")
@click.option("--reason", required=True)
def letters_discard(api: Api, as_json: bool, letter: str, reason: str) -> None:
    """Give one up for good; it stays in the list with --all."""
    found = _letters(api, (letter,))[0]
    answer = api.post(f"{PATH}/dead-letters/{found['id']}/discard", {"reason": reason})
    show(answer, as_json, f"{found['name']} is given up.")


@api_command(admin, "announce")
@click.argument("text")
@click.option("--level", type=LEVELS, default="busy", show_default=True)
@click.option("--audience", type=AUDIENCES, default="everybody", show_default=True)
@click.option("--from", "begin", type=INSTANT, help="Such as 2026-12-01T08:00Z; else now.")
@click.option("--until", type=INSTANT, help="Else for a day.")
def announce(
    api: Api, as_json: bool, text: str, level: str, audience: str, begin: str | None, until: str | None
) -> None:
    """Put a message on every page."""
    body: Json = {"text": text, "level": level, "audience": audience, "from_at": begin, "to_at": until}
    answer = api.post(f"{PATH}/announcements", body)
    span = f"from {output.moment(answer['from_at'])} until {output.moment(answer['to_at'])}"
    show(answer, as_json, f"Announced {span} ({output.short(answer['id'])}).")


@api_command(announcements, "ls")
def announcements_ls(api: Api, as_json: bool) -> None:
    """What is announced, and was lately."""
    show_rows(
        api.get(f"{PATH}/system")["announcements"], as_json,
        ("FROM", "UNTIL", "LEVEL", "FOR", "TEXT", "WITHDRAWN", "ID"),
        lambda row: (
            output.moment(row["from_at"]), output.moment(row["to_at"]), row["level"], row["audience"], row["text"],
            output.moment(row["withdrawn_at"]), output.short(row["id"]),
        ),
        "Nothing is announced.",
    )  # fmt: skip


@api_command(announcements, "withdraw")
@click.argument("announcement")
def announcements_withdraw(api: Api, as_json: bool, announcement: str) -> None:
    """Take a message off every page."""
    found = names.pick(api.get(f"{PATH}/system")["announcements"], announcement, "announcement", "id")
    show(api.post(f"{PATH}/announcements/{found['id']}/withdraw"), as_json, "It is withdrawn.")
