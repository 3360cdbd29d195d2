"""What is refused is in the audit log before the answer is out: each target, who, in which role, why, and how often."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from app.asgi import create_app
from app.shared.audit import close_windows
from app.shared.authz import Permission
from app.shared.authz.actor import SYSTEM, Actor
from app.shared.authz.permissions import is_platform
from app.shared.rdb import connect
from tests.architecture.test_routes import UNSAFE, _fill, _routes
from tests.domains.auth.test_programs import redeem, refresh, signed_in
from tests.fixtures.app import ORIGIN, Browser, SignIn

if TYPE_CHECKING:
    from app.shared.context import Runtime

ROWS = text("""
    SELECT action, target_kind, target_id, result, reason, actor_id, actor_roles, tenant_id, correlation_id, details
    FROM admin.audit_logs ORDER BY occurred_at, id
""")


async def rows(runtime: Runtime, result: str = "refused") -> list[dict[str, object]]:
    async with runtime.context(SYSTEM) as ctx:
        found = [dict(row._mapping) for row in await ctx.session.execute(ROWS)]
    return [row for row in found if row["result"] == result]


def head(browser: Browser) -> dict[str, str]:
    return {"sec-fetch-site": "same-origin", "x-csrftoken": browser.csrf, "x-idempotency-key": secrets.token_hex(8)}


@pytest.mark.parametrize("targets", [2, pytest.param(20, marks=pytest.mark.slow)])
async def test_every_change_that_is_refused_leaves_a_row_for_each_target(
    runtime: Runtime, sign_in_as: SignIn, targets: int
) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    asked: dict[tuple[object, str], str] = {}
    for method, path, handler in _routes(create_app(runtime)):
        permission = handler.opt.get("permission")
        if method not in UNSAFE or permission in (None, Permission.PROFILE):
            continue
        stranger = ada if is_platform(permission) else olga
        for _ in range(targets if "{" in path and ":uuid" in path else 1):
            target = _fill(path)
            answer = await stranger.client.request(method, target, headers=head(stranger))
            assert answer.status_code in (403, 429), (method, path, answer.text)
            asked[stranger.actor.id, f"{method} {target}"] = permission.value
    found = {(row["actor_id"], row["target_id"]): row for row in await rows(runtime)}
    assert found.keys() == asked.keys()
    for key, row in found.items():
        assert row["action"] == asked[key]
        assert row["actor_roles"] and row["correlation_id"]


async def test_an_exact_repeat_is_counted_and_anything_else_is_written(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    one, other = (f"/api/v1/admin/nodes/{uuid4()}/cordon" for _ in range(2))
    for path in (one, one, one, other, one):
        assert (await ada.client.post(path, json={"reason": "why"}, headers=head(ada))).status_code == 403
    assert [row["target_id"] for row in await rows(runtime)] == [f"POST {one}", f"POST {other}"]
    async with runtime.context(SYSTEM) as ctx:
        assert await close_windows(ctx.session, await ctx.now()) == 0
        assert await close_windows(ctx.session, await ctx.now() + timedelta(seconds=11)) == 2
    found = await rows(runtime)
    assert [row["details"].get("left_out") for row in found if row["target_id"] == f"POST {one}"] == [None, 3]
    assert len(found) == 3


async def test_without_valkey_a_refusal_is_written_all_the_same(runtime: Runtime, sign_in_as: SignIn) -> None:
    olga = await sign_in_as("olga", operator=True)

    async def authenticate(_runtime: object, _cookie: str | None, _bearer: str | None) -> Actor:
        return olga.actor

    working, runtime.authenticate = runtime.valkey, authenticate
    runtime.valkey = connect("redis://127.0.0.1:1")
    transport = httpx.ASGITransport(create_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=olga.client.cookies) as client:
        for _ in range(3):
            path = f"/api/v1/allocations/{uuid4()}/release"
            assert (await client.post(path, headers=head(olga))).status_code == 403
    runtime.valkey = working
    assert len(await rows(runtime)) == 3


async def test_what_is_refused_during_a_view_names_the_operator_and_stands_with_the_customer(
    runtime: Runtime, sign_in_as: SignIn
) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await olga.post(f"/admin/customers/{ada.actor.tenant_id}/view-as", reason="a ticket")
    for _ in range(20):
        assert (await olga.post(f"/machines/{uuid4()}/release")).status_code == 403
    found = await rows(runtime)
    assert len(found) == 20
    assert {(row["actor_id"], row["tenant_id"], row["actor_roles"][0]) for row in found} == {
        (olga.actor.id, ada.actor.tenant_id, "view_as")
    }


async def test_what_the_entrance_refuses_is_written_too(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    path = "/api/v1/service-accounts"
    for headers in (
        {**head(ada), "x-csrftoken": "x"},
        {**head(ada), "sec-fetch-site": "cross-site"},
        {name: value for name, value in head(ada).items() if name != "x-idempotency-key"},
        head(ada),
    ):
        sent = {**headers, "content-type": "application/json"}
        assert (await ada.client.post(path, content=b"{", headers=sent)).status_code >= 400
    assert {row["reason"] for row in await rows(runtime)} == {
        "forbidden", "idempotency_key_required", "validation_error"
    }  # fmt: skip


async def test_every_way_in_and_out_leaves_a_row_and_no_secret(
    runtime: Runtime, sign_in_as: SignIn, client: httpx.AsyncClient
) -> None:
    ada = await sign_in_as("ada")
    tokens = await signed_in(ada, client)
    later = (await refresh(client, tokens["refresh_token"])).json()
    await client.post("/oauth/revoke", data={"token": later["refresh_token"]})
    account = (await ada.post_json("/api/v1/service-accounts", {"name": "ci"})).json()
    made = (await ada.post_json(f"/api/v1/service-accounts/{account['id']}/credentials", None)).json()
    good = {
        "grant_type": "client_credentials", "client_id": made["client_id"], "client_secret": made["client_secret"]
    }  # fmt: skip
    issued = (await client.post("/oauth/token", data=good)).json()
    for bad in ({**good, "client_secret": "a wrong secret"}, {**good, "client_id": "a secret by mistake"}):
        assert (await client.post("/oauth/token", data=bad)).status_code == 401
    await redeem(client, "a wrong code", "x" * 43)
    await client.get("/auth/callback?state=x&code=y")
    await ada.post("/logout")
    done = [(row["action"], row["actor_id"] is not None) for row in await rows(runtime, "allowed")]
    for action, count in (("session.sign_in", 2), ("session.sign_out", 2), ("token.issue", 2)):
        assert done.count((action, True)) == count, (action, done)
    refused = {(row["action"], row["target_kind"], row["target_id"]) for row in await rows(runtime)}
    assert refused == {
        ("token.issue", "credential", made["client_id"]),
        ("token.issue", "credential", "unknown"),
        ("token.issue", "session", "unknown"),
        ("session.sign_in", "provider", "oidc"),
    }
    about = [row for row in await rows(runtime) if row["target_id"] == made["client_id"]]
    assert about[0]["tenant_id"] == ada.actor.tenant_id
    everything = json.dumps([await rows(runtime), await rows(runtime, "allowed")], default=str)
    for secret in (
        made["client_secret"], issued["access_token"], tokens["refresh_token"], later["refresh_token"],
        "a wrong secret", "a secret by mistake", "a wrong code",
    ):  # fmt: skip
        assert secret not in everything
