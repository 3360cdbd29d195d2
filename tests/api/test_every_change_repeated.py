"""Every change of the API, asked for twice with one key: one answer, one effect; and with another body refused.

The routes are those of the application. Each has a recipe (`tests/api/changes`) that asks for it in a prepared world;
a route without one fails by its name. The effect is the whole database: nothing in it differs after the repeat.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import TextClause, text

from tests.api.changes import customer, operator, storage
from tests.api.changes.vendors import power, vendors
from tests.api.changes.world import Ask, Recipe, World, prepare
from tests.architecture.test_routes import UNSAFE, _routes
from tests.domains.storage.conftest import runtime, settings  # noqa: F401 - a project with a bucket
from tests.fixtures.app import SignIn, create_app, expire

if TYPE_CHECKING:
    from app.shared.context import Runtime
    from app.shared.db import Database

PREFIX = "/api/v1"
GROUPS = {
    "customer": customer.RECIPES,
    "operator": operator.RECIPES | {"POST /admin/nodes/{node_id}/power": power},
    "storage": storage.RECIPES,
}
WITHOUT_KEY = {
    "POST /machines/{allocation_id}/terminal/token": "a ticket is single use, within half a minute (decision 0026)",
}
TYPE = re.compile(r":\w+\}")
TABLES = text("""
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema|public)'
      AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY 1
""")
SECRETS = {"secret", "client_secret"}
KEYS = "shared.idempotency_keys"


def changes_of(app: Any) -> set[tuple[str, bool]]:
    """Every route that changes something for somebody, and whether it asks for a key."""
    return {
        (f"{method} {TYPE.sub('}', path)}", handler.opt["idempotent"])
        for method, path, handler in _routes(app)
        if method in UNSAFE and "permission" in handler.opt and not handler.opt["reads"]
    }


def written_otherwise(body: dict[str, Any] | None) -> bytes:
    """The same JSON with other spaces and another order of names."""
    return json.dumps(dict(reversed(list((body or {}).items()))), indent=3).encode() if body is not None else b""


def meaning(answer: httpx.Response) -> Any:
    """What an answer says. An address that is signed anew says the same as the one before."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        if isinstance(value, str) and "X-Amz-Signature=" in value:
            return urlsplit(value).path
        return value

    try:
        return plain(answer.json())
    except ValueError:
        return answer.content


def without_secrets(said: Any) -> Any:
    """What a repeat says instead: a secret is shown once."""
    if not isinstance(said, dict) or not SECRETS & said.keys():
        return said
    kept = {name: value for name, value in said.items() if name not in SECRETS}
    return {**kept, "secret_already_shown": True}


@cache
def digests(tables: tuple[str, ...]) -> TextClause:
    """One statement for all of them; the same each time, so that the database plans it once."""
    digest = "SELECT '{0}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {0} t"
    return text(" UNION ALL ".join(map(digest.format, tables)))


async def snapshot(w: World) -> dict[str, str]:
    """A digest of every table."""
    async with w.db.unit_of_work() as unit:
        if not w.tables:
            w.tables += await unit.session.scalars(TABLES)
        return {row[0]: row[1] for row in await unit.session.execute(digests(tuple(w.tables)))}


async def repeat(w: World, method: str, path: str, ask: Ask) -> list[str]:
    """What is wrong about it."""
    key = secrets.token_hex(8)
    before = await snapshot(w)
    first = await send(w, method, path, ask, key, json.dumps(ask.body).encode() if ask.body is not None else b"")
    after = await snapshot(w)
    second = await send(w, method, path, ask, key, written_otherwise(ask.body))
    wrong = []
    if not first.is_success:
        return [f"the first one was refused: {first.status_code} {first.text[:400]}"]
    if not differing(before, after) - {KEYS}:
        wrong.append("the first one changed nothing")
    if second.status_code != first.status_code:
        wrong.append(f"{first.status_code}, then {second.status_code} {second.text[:400]}")
    else:
        said, again = meaning(first), meaning(second)
        if again != without_secrets(said):
            wrong.append(f"{said}, then {again}"[:1500])
    if changed := differing(after, await snapshot(w)):
        wrong.append(f"the repeat changed {sorted(changed)}")
    headers = {} if ask.body is not None else {"if-match": '"999"'}
    body = json.dumps({**(ask.body or {}), **ask.other}).encode() if ask.body is not None else b""
    third = await send(w, method, path, ask, key, body, **headers)
    if (third.status_code, code_of(third)) != (422, "idempotency_key_reused"):
        wrong.append(f"another body: {third.status_code} {third.text[:400]}")
    return wrong


def code_of(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def differing(one: dict[str, str], other: dict[str, str]) -> set[str]:
    return {name for name in one if one[name] != other[name]}


async def send(w: World, method: str, path: str, ask: Ask, key: str, body: bytes, **more: str) -> httpx.Response:
    browser = w.people[ask.who]
    headers = {"sec-fetch-site": "same-origin", "x-csrftoken": browser.csrf, "x-idempotency-key": key}
    if body:
        headers["content-type"] = "application/json"
    return await browser.client.request(method, PREFIX + path, content=body, headers={**headers, **more})


@asynccontextmanager
async def undone(w: World) -> AsyncIterator[None]:
    """What happens in here has not happened afterwards."""
    await expire(w.runtime)
    savepoint = await w.db._outer.begin_nested()
    try:
        yield
    finally:
        await savepoint.rollback()


@pytest.mark.parametrize("group", list(GROUPS))
async def test_a_repeat_gets_the_first_answer_and_has_no_second_effect(
    runtime: Runtime,  # noqa: F811
    db: Database,
    sign_in_as: SignIn,
    tmp_path: Any,
    group: str,
) -> None:
    wrong = []
    async with vendors(runtime, tmp_path):
        w = await prepare(runtime, db, sign_in_as)
        for name, recipe in GROUPS[group].items():
            async with undone(w):
                wrong += [f"{name}: {fault}" for fault in await _tried(w, name, recipe)]
    assert not wrong, "\n".join(wrong)


async def _tried(w: World, name: str, recipe: Recipe) -> list[str]:
    method, _, template = name.partition(" ")
    try:
        ask = await recipe(w)
    except (AssertionError, LookupError, ValueError) as error:
        return [f"the recipe failed: {error!r}"]
    return await repeat(w, method, template.format(**ask.path), ask)


async def test_every_change_has_a_recipe_and_only_tickets_have_no_key(runtime: Runtime) -> None:  # noqa: F811
    changes = changes_of(create_app(runtime))
    keyed = {name.replace(f" {PREFIX}", " ") for name, keyed in changes if keyed and f" {PREFIX}/" in name}
    assert keyed == set().union(*GROUPS.values())
    assert {name for name, keyed in changes if not keyed} == set(WITHOUT_KEY)
