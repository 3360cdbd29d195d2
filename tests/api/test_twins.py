"""Two requests with one key at one moment, over real commits: one effect and one answer, on every route of money and
wherever a vendor is asked. Who asks again afterwards gets that answer too.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.api.attack.world import RECIPES
from tests.api.changes.vendors import vendors
from tests.api.changes.world import World, prepare
from tests.api.test_every_change_repeated import meaning, send, without_secrets
from tests.domains.storage.conftest import runtime, settings  # noqa: F401 - a project with a bucket
from tests.fixtures.app import SignIn

if TYPE_CHECKING:
    import httpx

    from app.shared.context import Runtime
    from app.shared.db import Database

ALLOWED = "SELECT count(*) FROM admin.audit_logs WHERE result = 'allowed' AND action = '{}'"
EFFECTS = {
    "POST /payments/credit": "SELECT count(*) FROM payments.payment_sessions",
    "POST /admin/payments/{payment_id}/refunds": "SELECT count(*) FROM payments.refunds",
    "POST /admin/refunds/{refund_id}/approve": ALLOWED.format("refund.approve"),
    "POST /admin/refunds/{refund_id}/reject": ALLOWED.format("refund.reject"),
    "POST /admin/corrections": "SELECT count(*) FROM admin.adjustments",
    "POST /admin/corrections/{adjustment_id}/approve": ALLOWED.format("credit.adjust_approve"),
    "POST /admin/corrections/{adjustment_id}/reject": ALLOWED.format("credit.adjust_reject"),
    "POST /admin/prices": "SELECT count(*) FROM inventory.sku_prices",
    "POST /admin/prices/{price_id}/undo": "SELECT count(*) FROM inventory.sku_prices",
    "POST /admin/prices/{price_id}/withdraw": "SELECT count(*) FROM inventory.price_withdrawals",
    "POST /admin/payment-cases/{case_id}/decide": ALLOWED.format("payment_case.decide"),
    "POST /allocations": "SELECT count(*) FROM provisioning.allocations",
    "POST /allocations/{allocation_id}/release": ALLOWED.format("allocation.release"),
    "POST /admin/nodes/{node_id}/power": "SELECT count(*) FROM inventory.power_requests",
}


def same(one: httpx.Response, other: httpx.Response) -> bool:
    return one.status_code == other.status_code and meaning(other) in (meaning(one), without_secrets(meaning(one)))


async def count(w: World, statement: str) -> int:
    async with w.db.unit_of_work() as unit:
        return int(await unit.session.scalar(text(statement)) or 0)


@pytest.mark.commits
async def test_twins_have_one_effect_and_one_answer(
    runtime: Runtime,  # noqa: F811
    db: Database,
    sign_in_as: SignIn,
    tmp_path: Any,
) -> None:
    wrong = []
    async with vendors(runtime, tmp_path):
        w = await prepare(runtime, db, sign_in_as)
        for name, statement in EFFECTS.items():
            method, _, template = name.partition(" ")
            ask, key = await RECIPES[name](w), secrets.token_hex(8)
            body = json.dumps(ask.body).encode() if ask.body is not None else b""
            before = await count(w, statement)
            path = template.format(**ask.path)
            answers = await asyncio.gather(*(send(w, method, path, ask, key, body) for _ in range(2)))
            again = await send(w, method, path, ask, key, body)
            found = [answer for answer in answers if not is_under_way(answer)]
            if not found or not all(answer.is_success and same(found[0], answer) for answer in (*found, again)):
                wrong.append(f"{name}: {[(answer.status_code, answer.text[:200]) for answer in (*answers, again)]}")
            if (effects := await count(w, statement) - before) != 1:
                wrong.append(f"{name}: {effects} effects")
    assert not wrong, "\n".join(wrong)


def is_under_way(answer: httpx.Response) -> bool:
    """The twin was told that the first one is not done; it may ask again."""
    return answer.status_code == 409 and answer.json()["error"]["code"] == "idempotency_in_progress"
