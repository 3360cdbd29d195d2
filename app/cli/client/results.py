"""The shapes that most commands have: a list, and a change that says one sentence."""

from collections.abc import Callable, Sequence

from app.cli.client import output
from app.cli.client.http import Api, Json

Row = Callable[[Json], Sequence[object]]


def show_list(
    api: Api, as_json: bool, path: str, columns: Sequence[str], row: Row, empty: str, limit: int = 0, **params: object
) -> None:
    """Print a list of the API; with `limit` only its beginning."""
    rows: list[Json] = []
    for item in api.each(path, **params):
        rows.append(item)
        if limit and len(rows) == limit:
            break
    if as_json:
        output.show_json(output.listed(rows))
        return
    output.table(columns, [row(item) for item in rows], empty)


def show_rows(rows: Sequence[Json], as_json: bool, columns: Sequence[str], row: Row, empty: str) -> None:
    """Print what the API answers without pages, as it answers it."""
    if as_json:
        output.show_json(rows)
        return
    output.table(columns, [row(item) for item in rows], empty)


def show(answer: object, as_json: bool, sentence: str) -> None:
    """The result of a change."""
    waits = answer.get("request_id") if isinstance(answer, dict) and answer.get("status") == "requested" else None
    if as_json:
        output.show_json(answer)
    elif waits:
        output.say(f"Not done yet: a second person decides, with: berth admin approvals approve {waits}")
    else:
        output.say(sentence)
