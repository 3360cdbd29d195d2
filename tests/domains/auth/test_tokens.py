"""API tokens: issued for client credentials, verified on every request, refused when anything is off."""

import base64
import json

import pytest

from tests.fixtures.app import Browser, expire


async def _credentials(browser: Browser, role: str = "project_member") -> tuple[str, str]:
    account = (await browser.post_json("/api/v1/service-accounts", {"name": "ci", "role": role})).json()
    answer = (await browser.post_json(f"/api/v1/service-accounts/{account['id']}/credentials", None)).json()
    return answer["client_id"], answer["client_secret"]


async def _token(client, client_id: str, secret: str) -> str:
    fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    answer = await client.post("/oauth/token", data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def test_a_service_account_gets_a_token_and_acts_as_itself(sign_in_as, client) -> None:
    ada = await sign_in_as("ada")
    token = await _token(client, *await _credentials(ada))
    me = (await client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})).json()
    assert me["kind"] == "service_account"
    assert me["roles"] == ["project_member"]
    assert me["tenant_id"] == str(ada.actor.tenant_id)


async def test_a_repeated_request_does_not_show_the_secret_again(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    account = (await ada.post_json("/api/v1/service-accounts", {"name": "ci"})).json()
    path = f"/api/v1/service-accounts/{account['id']}/credentials"
    first = (await ada.post_json(path, None, key="one")).json()
    second = (await ada.post_json(path, None, key="one")).json()
    assert first["client_secret"]
    assert second == {
        "client_id": first["client_id"],
        "service_account_id": account["id"],
        "secret_already_shown": True,
    }


async def test_a_wrong_secret_is_refused(sign_in_as, client) -> None:
    ada = await sign_in_as("ada")
    client_id, _ = await _credentials(ada)
    fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "wrong"}
    answer = await client.post("/oauth/token", data=fields)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


async def test_a_member_may_not_make_service_accounts_and_the_refusal_is_audited(
    sign_in_as, client, open_context
) -> None:
    from sqlalchemy import text

    ada = await sign_in_as("ada")
    token = await _token(client, *await _credentials(ada))
    headers = {"authorization": f"Bearer {token}", "x-idempotency-key": "k"}
    answer = await client.post("/api/v1/service-accounts", json={"name": "more"}, headers=headers)
    assert answer.status_code == 403
    async with open_context() as ctx:
        rows = (await ctx.session.execute(text("SELECT action, result FROM admin.audit_logs"))).all()
    found = [tuple(row) for row in rows]
    assert ("service_account.create", "allowed") in found
    assert ("service_account:manage", "refused") in found


async def test_a_mutation_without_a_key_is_refused(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    headers = {"sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf}
    answer = await ada.client.post("/api/v1/service-accounts", json={"name": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "idempotency_key_required")


async def test_a_key_used_again_with_another_body_is_refused(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    first = await ada.post_json("/api/v1/service-accounts", {"name": "one"}, key="same")
    twin = await ada.post_json("/api/v1/service-accounts", {"name": "one"}, key="same")
    other = await ada.post_json("/api/v1/service-accounts", {"name": "two"}, key="same")
    assert first.json() == twin.json()
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")


def _part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("change", ["none", "hs256", "typ", "padding", "truncated", "payload", "huge"])
async def test_a_token_that_was_touched_is_refused(sign_in_as, client, change: str) -> None:
    ada = await sign_in_as("ada")
    token = await _token(client, *await _credentials(ada))
    head, body, signature = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    touched = {
        "none": f"{_part({**header, 'alg': 'none'})}.{body}.",
        "hs256": f"{_part({**header, 'alg': 'HS256'})}.{body}.{signature}",
        "typ": f"{_part({**header, 'typ': 'JWT'})}.{body}.{signature}",
        "padding": f"{head}.{body}.{signature}==",
        "truncated": token[:-4],
        "payload": f"{head}.{_part({'sub': 'root'})}.{signature}",
        "huge": token + "A" * 5000,
    }[change]
    answer = await client.get("/api/v1/me", headers={"authorization": f"Bearer {touched}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "token_invalid")


async def test_a_suspended_organisation_is_out_by_cookie_token_and_open_socket(
    sign_in_as, client, open_context, runtime
) -> None:
    from sqlalchemy import text

    from app.domains.auth import public
    from app.shared.authz import Permission
    from app.shared.authz.rights import Ended, claim_of

    ada = await sign_in_as("ada")
    token = await _token(client, *await _credentials(ada))
    async with open_context() as ctx:
        place = {"id": ada.actor.tenant_id}
        await ctx.session.execute(text("UPDATE auth.tenants SET suspended_at = now() WHERE id = :id"), place)
    await expire(runtime)  # what is kept for five seconds
    answer = await client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert (await ada.client.get("/api/v1/me")).status_code == 401
    async with open_context() as ctx:
        session_id = ada.actor.session_id
        assert await public.session_tenants(ctx, [session_id]) == {}
        claim = claim_of(ada.actor, Permission.TERMINAL_OPEN)
        assert await public.rights_ended(ctx, [claim]) == {claim: Ended("organisation_suspended")}
