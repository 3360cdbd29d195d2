"""Every form of the pages, sent twice with one form key: one answer, one effect.

That a route stores its answer under its key is read from its code, on all of them; the forms of `changes/pages.py` are
sent as well, and the whole database is compared.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.attack.world import RECIPES
from tests.api.changes.pages import HOST, PAGES, Sent, fields_of
from tests.api.changes.vendors import vendors
from tests.api.changes.world import World, prepare
from tests.api.test_every_change_repeated import KEYS, WITHOUT_KEY, changes_of, differing, snapshot, undone
from tests.domains.storage.conftest import runtime, settings  # noqa: F401 - a project with a bucket
from tests.fixtures.app import SignIn, create_app

if TYPE_CHECKING:
    from app.shared.context import Runtime
    from app.shared.db import Database


HOSTNAME = "SELECT hostname FROM inventory.nodes WHERE id = :id"


async def repeat(w: World, name: str, sent: Sent) -> list[str]:
    """What is wrong about it."""
    ask, key = await RECIPES[sent.of](w), secrets.token_hex(8)
    path = name.removeprefix("POST ").format(**ask.path)
    person = w.people[ask.who]
    fields = fields_of(sent, ask.body)
    if fields.get("confirm_name") == HOST:
        fields["confirm_name"] = (await w.run(HOSTNAME, id=ask.path["node_id"])).scalar_one()
    form = person.form(**fields) | {"_idempotency_key": key}
    answers, seen = [], [await snapshot(w)]
    for _ in range(2):
        answers.append(await person.client.post(path, data=form, headers={"sec-fetch-site": "same-origin"}))
        seen.append(await snapshot(w))
    first, again = answers
    if first.status_code not in (200, 303):
        return [f"the first one was refused: {first.status_code} {first.text[-300:]}"]
    wrong = []
    if not differing(seen[0], seen[1]) - {KEYS}:
        wrong.append("the first one changed nothing")
    if (again.status_code, again.headers.get("location")) != (first.status_code, first.headers.get("location")):
        wrong.append(f"{first.status_code} {first.headers.get('location')}, then {again.status_code} {again.headers}")
    if changed := differing(seen[1], seen[2]):
        wrong.append(f"the repeat changed {sorted(changed)}")
    return wrong


@pytest.mark.slow
async def test_a_form_that_is_sent_twice_has_one_effect(
    runtime: Runtime,  # noqa: F811
    db: Database,
    sign_in_as: SignIn,
    tmp_path: Any,
) -> None:
    wrong = []
    async with vendors(runtime, tmp_path):
        w = await prepare(runtime, db, sign_in_as)
        for name, sent in PAGES.items():
            async with undone(w):
                try:
                    wrong += [f"{name}: {fault}" for fault in await repeat(w, name, sent)]
                except (AssertionError, LookupError, ValueError) as error:
                    wrong.append(f"{name}: the recipe failed: {error!r}"[:500])
    assert not wrong, "\n".join(wrong)


async def test_every_recipe_is_of_a_change_and_one_change_has_no_key(runtime: Runtime) -> None:  # noqa: F811
    assert PAGES.keys() <= {name for name, _ in changes_of(create_app(runtime))}
    assert len(WITHOUT_KEY) == 1
