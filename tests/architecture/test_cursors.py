"""Every list of the API that has a cursor, found from the application itself.

A cursor goes on in its own list for whom it was given, whatever became of the rows that were shown; elsewhere it is
refused. A list that is added is swept without anybody remembering to.
"""

import re
from uuid import UUID

import asyncssh
import pytest

from tests.architecture.test_exact import Exact, exact_routes
from tests.architecture.test_routes import _fill
from tests.domains.inventory.stock import plant, see
from tests.fixtures.app import Browser, create_app

SOME = 5
DELETED = re.compile(r"/\{\w+:(uuid|str)\}$")


@pytest.fixture
def lists(runtime) -> list[Exact]:
    found = [route for route in exact_routes(create_app(runtime)) if "cursor" in route.query]
    assert len(found) > 25
    return found


@pytest.fixture
async def people(runtime, sign_in_as) -> tuple[Browser, Browser]:
    """Ada with some of what can be listed, and Olga with a fleet."""
    await plant(runtime)
    await see(runtime, ("l40sx4", "cpu", "h100x8"))
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    for number in range(SOME):
        await sign_in_as(f"neighbour{number}")
        key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
        for path, body in (
            ("/api/v1/ssh-keys", {"public_key": key, "name": f"key {number}"}),
            ("/api/v1/projects", {"name": f"project {number}"}),
            ("/api/v1/service-accounts", {"name": f"account {number}"}),
            ("/api/v1/team/invitations", {"email": f"new{number}@acme.example"}),
            ("/api/v1/storage/namespaces", {"name": f"space-{number}"}),
        ):
            answer = await ada.post_json(path, body)
            assert answer.status_code == 201, answer.text
    return ada, olga


def reader(route: Exact, people: tuple[Browser, Browser]) -> Browser:
    from app.shared.authz.permissions import is_platform

    permission = route.handler.opt.get("permission")
    return people[permission is not None and is_platform(permission)]


async def read(person: Browser, path: str, **query: object) -> dict:
    answer = await person.client.get(path, params=query)
    assert answer.status_code == 200, (path, query, answer.text)
    return answer.json()


async def rest_of(person: Browser, path: str, page: dict, limit: int = 2) -> list[dict]:
    """The rows of `page` and of all pages behind it."""
    rows = list(page["items"])
    for _ in range(500):
        if page["next_cursor"] is None or not page["items"]:
            return rows
        page = await read(person, path, limit=limit, cursor=page["next_cursor"])
        rows += page["items"]
    raise AssertionError("the list does not end")


async def test_page_by_page_is_the_list(lists, people) -> None:
    filled = 0
    for route in lists:
        if "{" not in route.path:
            person = reader(route, people)
            whole = await read(person, route.path, limit=200)
            if route.path != "/api/v1/events":  # goes on for ever
                assert await rest_of(person, route.path, await read(person, route.path, limit=2)) == whole["items"]
                filled += len(whole["items"]) > 2
    assert filled >= 8


async def test_a_list_goes_on_when_the_rows_that_were_shown_are_gone(lists, people, runtime) -> None:
    """Whatever has a DELETE of its own: the first page is deleted, all that is left comes behind it."""
    deletes = {
        DELETED.sub("", route.path): route.path
        for route in exact_routes(create_app(runtime))
        if route.method == "DELETE" and DELETED.search(route.path)
    }
    swept = []
    for route in lists:
        person = reader(route, people)
        if route.path not in deletes or "{" in route.path:
            continue
        page = await read(person, route.path, limit=2)
        if len(page["items"]) < 2 or page["next_cursor"] is None:
            continue
        before = [row["id"] for row in await rest_of(person, route.path, page)]
        for row in page["items"]:
            named = row["name"] if "{name" in deletes[route.path] else row["id"]
            headers = {"x-csrftoken": person.csrf, "sec-fetch-site": "same-origin", "x-idempotency-key": named}
            answer = await person.client.delete(f"{route.path}/{named}", headers=headers)
            assert answer.status_code < 300, answer.text
        left = await read(person, route.path, limit=2, cursor=page["next_cursor"])
        assert [row["id"] for row in await rest_of(person, route.path, left)] == before[2:], route.path
        swept.append(route.path)
    assert {"/api/v1/ssh-keys", "/api/v1/service-accounts", "/api/v1/team/invitations"} <= set(swept), swept


async def test_a_row_that_never_was_is_as_good_a_position(lists, people, runtime) -> None:
    """Where positions are ids: behind the largest or the smallest one comes the whole list."""
    from app.web.cursors import listing_of, seal

    secret = runtime.settings.web.secret_key
    for path in ("/api/v1/ssh-keys", "/api/v1/projects", "/api/v1/service-accounts", "/api/v1/team/invitations"):
        ada = people[0]
        whole = (await read(ada, path, limit=200))["items"]
        found = [
            (
                await read(
                    ada, path, limit=200, cursor=seal(secret, listing_of(ada.actor, path, []), str(UUID(int=number)))
                )
            )["items"]
            for number in (0, 2**128 - 1)
        ]
        assert whole in found and [] in found, path


async def test_a_cursor_of_anything_else_is_refused(lists, people, sign_in_as, runtime) -> None:
    ada, _ = people
    ben = await sign_in_as("ben")
    for number in range(3):
        key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
        assert (await ben.post_json("/api/v1/ssh-keys", {"public_key": key, "name": str(number)})).status_code == 201
    own = (await read(ada, "/api/v1/ssh-keys", limit=2))["next_cursor"]
    theirs = (await read(ben, "/api/v1/ssh-keys", limit=2))["next_cursor"]
    filtered = (await read(ada, "/api/v1/service-accounts", limit=2, disabled="false"))["next_cursor"]
    damaged = own[:-1] + ("A" if own[-1] != "A" else "B")
    foreign = [own, theirs, filtered, damaged, str(UUID(int=0)), "", "0", "1", "é", "a" * 3000, own + "=", own[:20]]
    for route in lists:
        for cursor in foreign:
            if cursor == own and route.path == "/api/v1/ssh-keys":
                continue
            person = reader(route, people)
            answer = await person.client.get(_fill(route.path), params={"cursor": cursor})
            assert answer.status_code == 422, (route.path, cursor, answer.text)
            assert set(answer.json()["error"]["details"]["fields"]) == {"cursor"}, answer.text
    assert (await ada.client.get("/api/v1/events", params={"cursor": "latest"})).status_code == 200
    assert (await read(ada, "/api/v1/ssh-keys", limit=3, cursor=own))["items"]
