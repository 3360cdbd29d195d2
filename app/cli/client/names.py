"""From what a person typed to the thing: a name, an id, or any unique ending of an id."""

from collections.abc import Callable, Iterable

from app.cli.client.exits import Exit, Failure, not_found
from app.cli.client.http import Api, Json

MIN_ID_ENDING = 4  # characters of an id's ending


def pick(items: Iterable[Json], ref: str, what: str, name_of: Callable[[Json], object] | str = "name") -> Json:
    """The one that `word` means; names go first. Raises Failure."""
    rows = list(items)
    named = [row for row in rows if _name(row, name_of) == ref]
    wanted = ref.replace("-", "").lower()
    ended = [row for row in rows if len(wanted) >= MIN_ID_ENDING and _id(row).endswith(wanted)]
    found = named or ended
    if not found:
        raise not_found(what, ref)
    if len(found) > 1:
        choices = ", ".join(f"{_name(row, name_of)} ({_id(row)[-12:]})" for row in found[:5])
        raise Failure(f"{ref!r} means more than one {what}: {choices}.", Exit.USAGE, "Give more of the id.")
    return found[0]


def machine(api: Api, ref: str, *, path: str = "/api/v1/allocations") -> Json:
    """A machine of the project, running ones first."""
    return live_first(api, path, ref, "machine")


def live_first(api: Api, path: str, ref: str, what: str) -> Json:
    """One of a list that keeps what has ended: that does not make the name of a running one ambiguous."""
    try:
        return pick(api.items(path, live=True, limit=200), ref, what)
    except Failure as failure:
        if failure.exit_code is not Exit.NOT_FOUND:
            raise
    return pick(api.items(path, limit=200), ref, what)


def _name(row: Json, name_of: Callable[[Json], object] | str) -> str:
    return str(row.get(name_of, "") if isinstance(name_of, str) else name_of(row))


def _id(row: Json) -> str:
    return str(row.get("id") or row.get("key_id") or row.get("user_id") or "").replace("-", "")
