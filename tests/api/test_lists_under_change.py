"""Lists that change while somebody pages through them: whatever stands there the whole time is seen exactly once.

Between two pages rows are made and others deleted, also the last one that was shown; in lists of every order.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncssh
import pytest

from tests.domains.storage.conftest import runtime, settings, shelf  # noqa: F401 - a project with a bucket
from tests.domains.storage.shelf import Shelf, digest

ROWS, LIMIT, MOST_PAGES = 9, 2, 60


@dataclass(frozen=True)
class Changing:
    """A list and how a row of it is made and deleted. `make` gets a number that no other row has; answers the id."""

    path: str
    make: Callable[[Shelf, int], Awaitable[str]]
    drop: Callable[[Shelf, str], Awaitable[None]]
    query: dict[str, str]


async def _made(shelf: Shelf, path: str, body: object, name: str = "id") -> str:  # noqa: F811
    answer = await shelf.call("POST", f"/api/v1{path}", body)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()[name])


def _dropped(path: str) -> Callable[[Shelf, str], Awaitable[None]]:
    async def drop(shelf: Shelf, thing: str) -> None:  # noqa: F811
        answer = await shelf.call("DELETE", f"/api/v1{path.format(thing)}")
        assert answer.status_code in (200, 204), answer.text

    return drop


async def _key(shelf: Shelf, number: int) -> str:  # noqa: F811
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    return await _made(shelf, "/ssh-keys", {"public_key": key, "name": f"key {number}"})


async def _namespace(shelf: Shelf, number: int) -> str:  # noqa: F811
    name = f"space-{number * 7919 % 1000:03}"
    await _made(shelf, "/storage/namespaces", {"name": name})
    return name


async def _invitation(shelf: Shelf, number: int) -> str:  # noqa: F811
    return await _made(shelf, "/team/invitations", {"email": f"new{number}@acme.example", "role": "tenant_member"})


async def _upload(shelf: Shelf, number: int) -> str:  # noqa: F811
    item = {"path": f"u{number}.bin", "size": number, "sha256": digest(b"u" * number)}
    answer = await shelf.call("POST", "/api/v1/storage/uploads", {"items": [item]})
    return str(answer.json()["items"][0]["upload"]["id"])


async def _object(shelf: Shelf, number: int) -> str:  # noqa: F811
    return await shelf.put(f"{number * 7919 % 1000:03}.bin", b"o" * (number * 31 % 17))


async def _deleted(shelf: Shelf, number: int) -> str:  # noqa: F811
    thing = await shelf.put(f"{number}.bin", b"d")
    await _dropped("/storage/objects/{}")(shelf, thing)
    return thing


LISTS = {
    "keys": Changing("/ssh-keys", _key, _dropped("/ssh-keys/{}"), {}),
    "namespaces": Changing("/storage/namespaces", _namespace, _dropped("/storage/namespaces/{}"), {}),
    "invitations": Changing("/team/invitations", _invitation, _dropped("/team/invitations/{}"), {"state": "pending"}),
    "uploads": Changing("/storage/uploads", _upload, _dropped("/storage/uploads/{}"), {"namespace": "files"}),
    "deleted files": Changing("/storage/deleted", _deleted, _dropped("/storage/deleted/{}"), {"namespace": "files"}),
    **{
        f"files by {sort}": Changing("/storage/objects", _object, _dropped("/storage/objects/{}"), {"sort": sort})
        for sort in ("name", "-name", "size", "-size", "changed", "-changed")
    },
}


def _id(row: dict[str, Any], listed: Changing) -> str:
    return str(row["name"] if listed.make is _namespace else row["id"])


@pytest.mark.parametrize("name", list(LISTS))
async def test_what_stands_the_whole_time_is_seen_exactly_once(shelf: Shelf, name: str) -> None:  # noqa: F811
    listed, dice = LISTS[name], random.Random(name)
    stays = {await listed.make(shelf, number) for number in range(1, ROWS + 1)}
    goes = {await listed.make(shelf, number) for number in range(ROWS + 1, ROWS + 5)}
    known = stays | goes
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for page in range(MOST_PAGES):
        answer = (await shelf.get(f"/api/v1{listed.path}", limit=LIMIT, **listed.query, **cursor)).json()
        seen += [one for row in answer["items"] if (one := _id(row, listed)) in known]
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
        if page < 4:
            goes.add(await listed.make(shelf, ROWS + 10 + page))
            shown = [one for one in (_id(row, listed) for row in answer["items"]) if one in goes]
            gone = shown[-1] if shown else dice.choice(sorted(goes))  # the row that the cursor stands on, if it may go
            await listed.drop(shelf, gone)
            goes.discard(gone)
    else:
        raise AssertionError("the list does not end")
    assert {one: seen.count(one) for one in stays} == dict.fromkeys(stays, 1)
    assert all(seen.count(one) <= 1 for one in known)
