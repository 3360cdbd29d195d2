"""What there is to attack: a thing behind every address, made by the recipes of the changes, and named in the
description as the example of its parameter. Without them nearly every request would end at "not found"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from app.shared.errors import DomainError
from tests.api.changes import customer, operator, storage
from tests.api.changes.vendors import power
from tests.api.changes.world import Ask, Recipe, World

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "/api/v1"
APART = (
    "UPDATE provisioning.allocations a SET name = a.id::text, sku_id = s.id"
    " FROM inventory.sku_catalog s WHERE s.code = a.sku_code",
    "UPDATE releases.user_ssh_keys SET name = id::text",
    "UPDATE auth.service_accounts SET name = id::text",
    "UPDATE storage.storage_objects SET name = id::text",
)
SUSPENDS = ("POST /admin/customers/{tenant_id}/resume", "POST /admin/people/{user_id}/resume")  # whom others need
RECIPES = customer.RECIPES | operator.RECIPES | storage.RECIPES | {"POST /admin/nodes/{node_id}/power": power}
FIXED = {"key": "admin.change_request_days", "code": "h100x8"}  # what is there from the start
ENDS = re.compile(
    r"^DELETE |/(release|cancel|stop|retire|suspend|discard|undo|withdraw|approve|reject|accept|decline)$"
)


async def asks(w: World) -> dict[str, Ask]:
    """A request that succeeds for every change whose recipe can be followed beside all others."""
    found = {}
    for name, recipe in sorted(RECIPES.items(), key=_late):
        if name in SUSPENDS:
            continue
        try:
            found[name] = await recipe(w)
        except (AssertionError, LookupError, TypeError, ValueError, DomainError, IntegrityError):
            continue
        for statement in APART:
            await w.run(statement)
    return found


def _late(item: tuple[str, Recipe]) -> tuple[bool, bool]:
    """What takes nodes out of service comes last, before it what ends something that others use."""
    return "/admin/nodes/" in item[0], bool(ENDS.search(item[0]))


def with_examples(root: dict[str, Any], made: dict[str, Ask]) -> dict[str, Any]:
    """The description in which each operation names what there is, and answers nothing but what it lists."""
    anywhere: dict[str, object] = {}
    for name, ask in made.items():
        for parameter, value in ask.path.items():
            if not ENDS.search(name):
                anywhere.setdefault(parameter, value)
    for ask in made.values():
        for parameter, value in ask.path.items():
            anywhere.setdefault(parameter, value)
    for method, path, operation in _operations(root):
        ask = made.get(f"{method.upper()} {path.removeprefix(PREFIX)}", Ask())
        operation["responses"].pop("default", None)
        for parameter in operation.get("parameters", ()):
            known = {**anywhere, **FIXED, **ask.path}
            if parameter["in"] == "path" and parameter["name"] in known:
                parameter["example"] = str(known[parameter["name"]])
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if ask.body is not None and kind == "application/json":
                bodies = {"first": ask.body, "other": {**ask.body, **ask.other}}
                content["examples"] = {name: {"value": body} for name, body in bodies.items()}
    return root


def _operations(root: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in root["paths"].items():
        for method, operation in item.items():
            yield method, path, operation
