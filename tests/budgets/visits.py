"""What is asked: every route that reads, with a thing behind each address, and the changes that matter most.

The routes are those of the application. An id in an address is that of what a recipe of tests/api/changes has made.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from app.shared.authz.permissions import is_platform
from tests.api.attack.world import APART as NAMED_APART
from tests.api.changes import customer, operator, storage
from tests.api.changes.world import World
from tests.architecture.test_routes import PARAMETER, _routes
from tests.domains.provisioning.hall import machine
from tests.fixtures.app import tenant_of

if TYPE_CHECKING:
    from litestar import Litestar

RECIPES = customer.RECIPES | operator.RECIPES | storage.RECIPES
# Which change's thing an address names; some are asked twice, so that lists have rows.
NAMES = {
    "invitation_id": "POST /team/invitations/{invitation_id}/resend",  # before its person joins
    "account_id": "POST /service-accounts/{account_id}/credentials",
    "allocation_id": "POST /allocations/{allocation_id}/release",
    "app_id": "PUT /apps/{app_id}/members",
    "delivery_id": "POST /webhooks/deliveries/{delivery_id}/replay",
    "endpoint_id": "PATCH /webhooks/{endpoint_id}",
    "item_id": "POST /notifications/{item_id}/read",
    "key_id": "PATCH /ssh-keys/{key_id}",
    "letter_id": "POST /admin/dead-letters/{letter_id}/redrive",
    "message_id": "POST /admin/payment-events/{message_id}/replay",
    "object_id": "POST /storage/objects/{object_id}/links",
    "payment_id": "POST /admin/payments/{payment_id}/refunds",
    "project_id": "PATCH /projects/{project_id}",
    "refund_id": "POST /admin/refunds/{refund_id}/approve",
    "upload_id": "DELETE /storage/uploads/{upload_id}",
    "user_id": "DELETE /team/members/{user_id}",
    "request_id": "POST /admin/change-requests/{request_id}/approve",
}
MORE = (
    "POST /admin/corrections/{adjustment_id}/approve",
    "POST /admin/payment-cases/{case_id}/decide",
    "POST /allocations/{allocation_id}/cancel",
    "POST /apps/{app_id}/start",
    "POST /storage/deleted/{object_id}/restore",
    "POST /storage/objects/{object_id}/links",
    "POST /webhooks/{endpoint_id}/test",
)
FIXED = {"key": "admin.change_request_days", "code": "h100x8", "name": "files"}
FOUND = {  # ids that no change answers
    "row_id": "SELECT id FROM admin.audit_logs LIMIT 1",
    "system_id": "SELECT system_id FROM inventory.nodes LIMIT 1",
    "transaction_id": "SELECT id FROM billing.ledger_transactions ORDER BY id LIMIT 1",
}
ADDRESSES = {  # where an address wants another thing of that name
    "/developers/api/{name:str}": "/developers/api/allocations",
    "/machines/{allocation_id:uuid}/connect": "/machines/{deployed_id}/connect",
    "/machines/{allocation_id:uuid}/connect/now": "/machines/{deployed_id}/connect/now",
    "/machines/{allocation_id:uuid}/terminal": "/machines/{deployed_id}/terminal",
}
QUERY = {
    "/api/v1/billing/usage": "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z",
    "/billing/credit/return": "intent={payment_id}",
    "/billing/credit/return/state": "intent={payment_id}",
    "/launch": "sku=h100x8",
    "/launch/summary": "sku=h100x8",
    "/search": "q=train",
}
FILES = "/static/"
# Nothing to count: they wait, or what they answer comes from elsewhere.
APART = {
    "/api/v1/events": "waits for what has not happened yet",
    "/api/v1/apps/{app_id:uuid}/logs": "asks a machine that is not there",
    "/api/v1/schema/{path:str}": "answers 404 to all that is not the description",
    "/apps/at/{handle:str}": "goes to an app that runs",
    "/apps/{app_id:uuid}/log": "asks a machine that is not there",
    "/apps/{app_id:uuid}/open": "goes to an app that runs",
    "/auth/callback": "ends a sign-in that nobody has begun",
    "/auth/start": "asks the identity provider",
    "/metrics": "grows with every route that was asked in this process",
    "/oauth/authorize": "continues what a program has begun",
    "/shared": "wants a link's key",
    "/storage/objects/{object_id:uuid}/image": "wants a picture",
}


class Visit(NamedTuple):
    """A request that reads, and the name of its budget."""

    name: str
    who: str
    url: str


async def furnish(w: World) -> dict[str, object]:
    """Make what addresses name; the value of each parameter."""
    known: dict[str, object] = {}
    for name in MORE:
        await _ask(w, name)
    for parameter, name in NAMES.items():
        known[parameter] = (await _ask(w, name))[parameter]
    known["deployed_id"] = (await _ask(w, "POST /allocations/{allocation_id}/ssh-keys"))["allocation_id"]
    copy = await RECIPES["POST /storage/copies"](w)
    known["copy_id"] = await w.make("/storage/copies", copy.body)
    await _name_apart(w)
    for parameter, statement in FOUND.items():
        known[parameter] = (await w.run(statement)).scalar()
    return known | FIXED | {"tenant_id": tenant_of(w.ada), "node_id": w.nodes[1]}


async def _ask(w: World, name: str) -> dict[str, object]:
    found = (await RECIPES[name](w)).path
    await _name_apart(w)
    return found


async def _name_apart(w: World) -> None:
    for statement in NAMED_APART:
        await w.run(statement)


def reads(app: Litestar, known: dict[str, object]) -> Iterator[Visit]:
    """Every GET route with something behind it."""
    for method, path, handler in _routes(app):
        if method != "GET" or path in APART or path.startswith(FILES):
            continue
        permission = handler.opt.get("permission")  # type: ignore[attr-defined]
        who = "olga" if permission is not None and is_platform(permission) else "ada"
        url = PARAMETER.sub(lambda match: str(known[match[1]]), ADDRESSES.get(path, path))
        query = QUERY.get(path, "").format(**known)
        yield Visit(f"GET {path}", who, f"{url}?{query}" if query else url)


class Change(NamedTuple):
    """A request that changes something, each time another thing."""

    name: str
    work: Callable[[], Awaitable[str]]


async def changes(w: World) -> list[Change]:
    """What money and machines depend on most: a launch, its dry run, the page's form, a release."""
    numbers = itertools.count()
    machines = [await machine(w.runtime, w.ada, None, slots=(n,), name=f"spare-{n}", metered=True) for n in range(3)]
    launch = {"sku": "h100x8", "gpus": 1}

    def named() -> dict[str, Any]:
        return {**launch, "name": f"budget-{next(numbers)}"}

    async def launched() -> str:
        return str(await w.do("ada", "POST", "/allocations", named()))

    async def tried() -> str:
        return str(await w.do("ada", "POST", "/allocations", {**named(), "dry_run": True}))

    async def released() -> str:
        return str(await w.do("ada", "POST", f"/allocations/{machines.pop()}/release"))

    async def sent() -> str:
        fields = {**named(), "part": "gpus", "gpus": "1"}
        answer = await w.ada.post("/launch", **fields)
        assert answer.status_code == 303, answer.text[-300:]
        return answer.text

    return [
        Change("POST /api/v1/allocations", launched),
        Change("POST /api/v1/allocations, dry run", tried),
        Change("POST /api/v1/allocations/{allocation_id:uuid}/release", released),
        Change("POST /launch", sent),
    ]
