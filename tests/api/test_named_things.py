"""What a body names has to be there: an unknown id, type, image or name is 422 on its own field, never a 404 of the
whole address, and never taken. All faults of a request come at once.

Fields are found in the description: those of an id, and those of the words below. Each is tried in the request of the
operation's recipe; what names nothing that is looked up stands in `OTHERWISE` with its reason.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.api.attack.target import read_description
from tests.api.attack.world import RECIPES
from tests.api.changes.vendors import vendors
from tests.api.changes.world import Ask, World, prepare
from tests.api.test_every_change_repeated import send, undone
from tests.domains.storage.conftest import runtime, settings  # noqa: F401 - a project with a bucket
from tests.fixtures.app import SignIn

if TYPE_CHECKING:
    from app.shared.context import Runtime
    from app.shared.db import Database

PREFIX = "/api/v1"
WORDS = frozenset("sku image namespace kind kinds app role policy email source".split())
REF = "#/components/schemas/"
OTHERWISE = {
    ("POST /activity/export", "tenant"): "a filter: nothing is found",
    ("POST /admin/audit/export", "tenant"): "a filter: nothing is found",
    ("POST /admin/dead-letters/redrive", "ids"): "a filter: none of them waits",
    ("POST /admin/dead-letters/redrive", "source"): "a filter: none of them waits",
    ("PUT /admin/policies/{key}", "project_id"): "its organisation is asked for first",
    ("POST /storage/uploads/finish", "ids"): "each item has its own answer",
    ("POST /team/invitations", "email"): "whom we do not know is invited",
}


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    root = read_description()
    for path, item in root["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None:
                name = content["schema"]["$ref"].removeprefix(REF)
                yield f"{method.upper()} {path.removeprefix(PREFIX)}", root["components"]["schemas"][name]


def named(schema: dict[str, Any]) -> dict[str, bool]:
    """The fields of a body that name a thing, and whether by its id."""
    found = {}
    for field, part in schema["properties"].items():
        is_id = '"uuid"' in json.dumps(part)
        if is_id or field in WORDS:
            found[field] = is_id
    return found


FIELDS = [
    (name, field, is_id)
    for name, schema in bodies()
    for field, is_id in named(schema).items()
    if (name, field) not in OTHERWISE
]


def unknown(old: Any, *, is_id: bool) -> Any:
    word = str(uuid4()) if is_id else "no-such-thing"
    return [word] if isinstance(old, list) else word


async def ask_for(w: World, name: str) -> Ask:
    return await RECIPES[name](w)


async def test_what_a_body_names_and_is_not_there_is_a_fault_of_its_field(
    runtime: Runtime,  # noqa: F811
    db: Database,
    sign_in_as: SignIn,
    tmp_path: Any,
) -> None:
    wrong = []
    lists = {
        (name, field) for name, schema in bodies() for field, part in schema["properties"].items() if "items" in part
    }
    async with vendors(runtime, tmp_path):
        w = await prepare(runtime, db, sign_in_as)
        for name, field, is_id in FIELDS:
            async with undone(w):
                ask = await ask_for(w, name)
                method, _, template = name.partition(" ")
                value = unknown([] if (name, field) in lists else "", is_id=is_id)
                body = json.dumps({**copy.deepcopy(ask.body or {}), field: value}).encode()
                answer = await send(w, method, template.format(**ask.path), ask, uuid4().hex, body)
                fields = answer.json().get("error", {}).get("details", {}).get("fields", {})
                if answer.status_code != 422 or field not in {re.split(r"[.\[]", said)[0] for said in fields}:
                    wrong.append(f"{name}: {field}={value}: {answer.status_code} {answer.text[:300]}")
    assert len(FIELDS) > 15
    assert not wrong, "\n".join(wrong)


MONEY = {
    "POST /admin/corrections": (
        {"tenant_id": str(uuid4()), "amount": 0, "reason": ""},
        {"tenant_id", "amount", "reason"},
    ),
    "POST /admin/payments/{payment_id}/refunds": ({"amount": -1, "reason": ""}, {"amount", "reason"}),
    "POST /admin/corrections/{adjustment_id}/reject": ({"reason": ""}, {"reason"}),
    "POST /admin/refunds/{refund_id}/reject": ({"reason": ""}, {"reason"}),
    "POST /admin/prices": (
        {"sku": "no-such-type", "per_hour": -1, "currency": "usd"},
        {"sku", "per_hour", "currency"},
    ),
    "POST /payments/credit": ({"amount": -1}, {"amount"}),
}


@pytest.mark.parametrize("name", list(MONEY))
async def test_a_request_of_money_tells_all_its_faults_at_once(
    runtime: Runtime,  # noqa: F811
    db: Database,
    sign_in_as: SignIn,
    name: str,
) -> None:
    w = await prepare(runtime, db, sign_in_as)
    body, faults = MONEY[name]
    ask = await ask_for(w, name)
    method, _, template = name.partition(" ")
    answer = await send(w, method, template.format(**ask.path), ask, uuid4().hex, json.dumps(body).encode())
    assert (answer.status_code, set(answer.json()["error"]["details"]["fields"])) == (422, faults), answer.text


async def test_a_refund_beyond_what_may_go_back_names_its_amount(
    runtime: Runtime,  # noqa: F811
    db: Database,
    sign_in_as: SignIn,
) -> None:
    w = await prepare(runtime, db, sign_in_as)
    path = f"/admin/payments/{await w.payment(10)}/refunds"
    answer = await w.send("olga", "POST", path, {"amount": 900_000_000, "reason": "a ticket"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], list(error["details"]["fields"])) == (
        422,
        "refund_too_large",
        ["amount"],
    )
