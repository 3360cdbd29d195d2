"""Customers: found, shut out and let in again; and looked at without a trace but the audit's."""

import re
import secrets
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar
from sqlalchemy import text

from app.shared.audit import AuditAction
from app.shared.authz.actor import SYSTEM
from app.shared.authz.permissions import NOT_IN_VIEW
from app.shared.context import Runtime
from app.shared.ids import new_id
from tests.domains.admin.helpers import audited, give_role, words
from tests.fixtures.app import Browser, expire, tenant_of

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


async def test_organisations_and_people_are_found_by_name_mail_and_id(sign_in_as: Any) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    olga = await sign_in_as("olga", operator=True)
    for word in ("ADA@exa", "da's org", str(tenant_of(ada))):
        items = (await olga.client.get("/api/v1/admin/customers", params={"q": word})).json()["items"]
        assert [item["name"] for item in items] == ["Ada's organisation"], word
    assert (await olga.client.get("/api/v1/admin/customers", params={"q": "%_%"})).json()["items"] == []
    page = words((await olga.client.get("/admin/customers?q=ben@")).text)
    assert "ben@example.com" in page and "Ben&#39;s organisation" in page and "Ada" not in page
    detail = words((await olga.client.get(f"/admin/customers/{tenant_of(ada)}")).text)
    assert "ada@example.com" in detail and "tenant owner" in detail and "default" in detail
    person = words((await olga.client.get(f"/admin/customers/people/{ben.actor.id}")).text)
    assert "Ben&#39;s organisation" in person


async def test_a_suspended_organisation_opens_to_nobody_until_it_is_resumed(runtime: Runtime, sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    path = f"/admin/customers/{tenant_of(ada)}"
    assert "1 session ends" in words((await olga.client.get(path)).text)
    assert (await olga.post(f"{path}/suspend", reason="")).status_code == 422
    assert (await ada.client.get("/billing")).status_code == 200
    assert (await olga.post(f"{path}/suspend", reason="a chargeback")).status_code == 303
    assert (await ada.client.get("/billing")).status_code == 303  # to the sign-in page, at once
    assert (await ada.client.get("/api/v1/me")).status_code == 401
    page = words((await olga.client.get(path)).text)
    assert "This organisation is suspended" in page and "a chargeback" in page
    [(reason,)] = await _rows(runtime, "SELECT payload->>'reason' FROM shared.outbox_events WHERE name LIKE '%revoked'")
    assert reason == "suspended"
    again = await sign_in_as("ada")
    assert again.actor.tenant_id is None
    assert (await olga.post(f"{path}/resume", reason="settled")).status_code == 303
    back = await sign_in_as("ada")
    assert back.actor.tenant_id == ada.actor.tenant_id
    lines = (await back.client.get("/api/v1/activity")).json()["items"]
    assert {line["what"] for line in lines} >= {
        "suspended the organisation",
        "lifted the suspension of the organisation",
    }


async def test_a_suspended_person_is_shut_out_everywhere_but_nobody_suspends_themselves(sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    path = f"/admin/customers/people/{ada.actor.id}"
    assert (await olga.post(f"{path}/suspend", reason="stolen laptop")).status_code == 303
    assert (await ada.client.get("/billing")).status_code == 303
    with pytest.raises(Exception, match="suspended"):
        await sign_in_as("ada")
    assert (await olga.post(f"{path}/resume", reason="a new one")).status_code == 303
    await sign_in_as("ada")
    own = f"/admin/customers/people/{olga.actor.id}"
    assert (await olga.post(f"{own}/suspend", reason="a test")).status_code == 403
    assert "cannot suspend yourself" in (await olga.client.get(own)).text


async def test_money_and_audit_of_a_customer_are_for_those_who_may_see_them(runtime: Runtime, sign_in_as: Any) -> None:
    ada, eve = await sign_in_as("ada"), await sign_in_as("eve")
    await give_role(runtime, eve, "platform_operator")
    body = (await eve.client.get(f"/api/v1/admin/customers/{tenant_of(ada)}")).json()
    assert body["balance"] is None and body["payments"] == [] and body["rows"] == []
    ben = await sign_in_as("ben")
    await give_role(runtime, ben, "platform_finance")
    assert (await ben.post(f"/admin/customers/{tenant_of(ada)}/suspend", reason="no right")).status_code == 403
    assert (await ben.post(f"/admin/customers/{tenant_of(ada)}/view-as", reason="no right")).status_code == 403


# -- view-as --------------------------------------------------------------------------------------------------------


async def _look(olga: Browser, tenant_id: object, **more: str) -> None:
    answer = await olga.post(f"/admin/customers/{tenant_id}/view-as", reason="request 4711", **more)
    assert answer.status_code == 303, answer.text[:300]


async def _rows(runtime: Runtime, sql: str) -> list[tuple[object, ...]]:
    async with runtime.context(SYSTEM) as ctx:
        return [tuple(row) for row in await ctx.session.execute(text(sql))]


def _routes(app: Litestar) -> list[tuple[str, str, Any]]:
    return [
        (method, route.path, handler)
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"})
    ]


def _fill(path: str) -> str:
    samples = {"uuid": str(uuid4()), "int": "999999999", "str": "no-such-thing", "path": "no/such/thing"}
    return PARAMETER.sub(lambda match: samples[match[2] or "str"], path)


async def test_while_looking_every_change_is_refused_and_every_page_says_so(runtime: Runtime, sign_in_as: Any) -> None:
    from app.shared.authz.permissions import is_platform
    from tests.fixtures.app import create_app

    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await _look(olga, tenant_of(ada))
    [(before,)] = await _rows(runtime, "SELECT count(*) FROM admin.audit_logs")
    refused = shown = 0
    for method, path, handler in _routes(create_app(runtime)):
        permission = handler.opt.get("permission")
        headers = {"sec-fetch-site": "same-origin", "x-csrftoken": olga.csrf, "x-idempotency-key": secrets.token_hex(8)}
        if method in UNSAFE and not handler.opt.get("viewing"):
            answer = await olga.client.request(method, _fill(path), headers={**headers, "accept": "application/json"})
            is_program = path in ("/oauth/token", "/oauth/revoke")  # these speak RFC 6749 and know no cookie
            assert answer.status_code == (400 if is_program else 403), (method, path, answer.status_code)
            error = answer.json()["error"]
            assert error == "invalid_request" if is_program else error["code"] == "view_as_read_only", (method, path)
            refused += 1
        elif method == "GET" and permission in NOT_IN_VIEW:  # also the logs of one app, by page or API
            answer = await olga.client.get(_fill(path), headers={"accept": "text/html, application/json"})
            assert answer.status_code == 403, (path, answer.status_code)
        elif method == "GET" and permission is not None and "{" not in path and not path.startswith("/api/"):
            answer = await olga.client.get(path, headers={"accept": "text/html"})
            if is_platform(permission):
                assert answer.status_code == 403, path
            else:
                assert answer.status_code < 500, (path, answer.text[:300])
                if answer.status_code == 200 and 'class="frame' in answer.text:
                    assert "You are looking at Ada&#39;s organisation" in answer.text, path
                    shown += 1
    assert refused > 30 and shown > 8
    rows = set(await _rows(runtime, "SELECT action, result FROM admin.audit_logs WHERE action LIKE 'view_as%'"))
    assert rows == {("view_as.start", "allowed"), ("view_as.refused", "refused")}
    [(after,)] = await _rows(runtime, "SELECT count(*) FROM admin.audit_logs WHERE result = 'allowed'")
    assert after == before


async def test_a_look_begins_and_ends_in_the_audit_log_and_in_the_customers_activity(
    runtime: Runtime, sign_in_as: Any
) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    assert (await olga.post(f"/admin/customers/{tenant_of(ada)}/view-as", reason="")).status_code == 422
    assert (await olga.post(f"/admin/customers/{new_id()}/view-as", reason="nobody")).status_code == 404
    await _look(olga, tenant_of(ada))
    page = words((await olga.client.get("/billing")).text)
    assert "You are looking at Ada&#39;s organisation, read-only" in page and "request 4711" in page
    assert (await olga.client.get("/admin/customers")).status_code == 403
    stop = await olga.post("/view-as/stop")
    assert stop.headers["location"] == f"/admin/customers/{tenant_of(ada)}"
    assert (await olga.client.get(stop.headers["location"])).status_code == 200
    rows = [row for row in await audited(runtime) if str(row["action"]).startswith("view_as.")]
    assert [(row["action"], row["actor_id"], row["tenant_id"]) for row in rows if row["result"] == "allowed"] == [
        ("view_as.start", olga.actor.id, tenant_of(ada)),
        ("view_as.stop", olga.actor.id, tenant_of(ada)),
    ]
    lines = words((await ada.client.get("/activity")).text)
    assert "Berth support started a read-only view of the organisation request 4711" in lines


async def test_a_look_ends_by_itself_and_with_the_role(runtime: Runtime, sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await _look(olga, tenant_of(ada))
    await _rows(runtime, "UPDATE auth.views_as SET started_at = started_at - interval '1 hour',"
                         " expires_at = expires_at - interval '31 minutes' RETURNING id")  # fmt: skip
    await expire(runtime)
    assert (await olga.client.get("/admin/customers")).status_code == 200
    eve = await sign_in_as("eve")
    await give_role(runtime, eve, "platform_operator")
    await _look(eve, tenant_of(ada))
    assert "Ada&#39;s organisation, read-only" in words((await eve.client.get("/billing")).text)
    await _rows(runtime, "DELETE FROM auth.memberships WHERE role = 'platform_operator' RETURNING id")
    await expire(runtime)
    assert "read-only" not in words((await eve.client.get("/billing")).text)


async def test_the_database_itself_refuses_what_a_viewer_would_write(runtime: Runtime, sign_in_as: Any) -> None:
    from app.domains.auth.public import resolve_actor

    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    await _look(olga, tenant_of(ada))
    cookie = olga.client.cookies.get(runtime.settings.web.cookie("session"))
    viewer = await resolve_actor(runtime, cookie, None)
    assert viewer.viewing is not None and viewer.role_names == ["view_as"]
    with pytest.raises(Exception, match="read-only transaction"):
        async with runtime.context(viewer) as ctx:
            await ctx.audit(AuditAction.APP_OPEN, "sneaky")
    assert (await olga.post("/theme", theme="dark")).status_code == 303
    assert (await olga.post("/logout")).status_code == 303
    assert (await olga.client.get("/billing")).status_code == 303
