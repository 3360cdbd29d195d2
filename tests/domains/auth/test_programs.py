"""Sign-in of the command line: consent, code and PKCE, rotation of refresh tokens, revocation."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest

from app.shared.clock import process_now
from tests.fixtures.app import expire
from tests.fixtures.clock import FakeClock

pytestmark = pytest.mark.anyio
REDIRECT = "http://127.0.0.1:49152/callback"


def pkce() -> tuple[str, str]:
    verifier = secrets.token_urlsafe(48)
    return verifier, base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def request(challenge: str, **changes: str) -> dict[str, str]:
    asked = {
        "client_id": "berth-cli", "redirect_uri": REDIRECT, "response_type": "code", "code_challenge": challenge,
        "code_challenge_method": "S256", "state": "st",
    }  # fmt: skip
    return {**asked, **changes}


async def code_of(ada, challenge: str) -> str:
    fields = request(challenge)
    del fields["response_type"]
    answer = await ada.post("/oauth/authorize", **fields)
    assert answer.status_code == 303, answer.text
    target = urlsplit(answer.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == REDIRECT
    query = parse_qs(target.query)
    assert query["state"] == ["st"]
    assert query["iss"] == ["http://localhost:8000"]
    return query["code"][0]


async def redeem(client, code: str, verifier: str, **changes: str):
    form = {
        "grant_type": "authorization_code", "client_id": "berth-cli", "code": code, "redirect_uri": REDIRECT,
        "code_verifier": verifier,
    }  # fmt: skip
    return await client.post("/oauth/token", data={**form, **changes}, headers={"user-agent": "berth-cli/1 (laptop)"})


async def refresh(client, token: str, **changes: str):
    form = {"grant_type": "refresh_token", "client_id": "berth-cli", "refresh_token": token}
    return await client.post("/oauth/token", data={**form, **changes})


async def signed_in(ada, client) -> dict[str, str]:
    verifier, challenge = pkce()
    answer = await redeem(client, await code_of(ada, challenge), verifier)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def me(client, token: str):
    return await client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})


async def test_the_command_line_is_let_in_and_acts_as_the_person(sign_in_as, client) -> None:
    ada = await sign_in_as("ada")
    tokens = await signed_in(ada, client)
    said = (await me(client, tokens["access_token"])).json()
    assert said["id"] == str(ada.actor.id)
    assert (said["name"], said["project"]) == ("Ada", "default")
    assert said["roles"] == ["tenant_owner"]


async def test_the_page_says_who_asks_for_what_and_allows_only_this_redirect(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    answer = await ada.client.get("/oauth/authorize", params=request(pkce()[1]))
    assert answer.status_code == 200
    for words in ("berth command line", "Ada", "default", "Allow"):
        assert words in answer.text
    form_action = answer.headers["content-security-policy"].partition("form-action")[2].partition(";")[0]
    assert form_action.endswith(" http://127.0.0.1:49152")
    assert "127.0.0.1:49152" not in (await ada.client.get("/settings/sessions")).headers["content-security-policy"]


async def test_who_is_not_signed_in_comes_back_to_the_question(client) -> None:
    answer = await client.get("/oauth/authorize", params=request("x" * 43))
    assert answer.status_code == 303
    after = parse_qs(urlsplit(answer.headers["location"]).query)["next"][0]
    assert after.startswith("/oauth/authorize?client_id=berth-cli&")
    page = await client.get(answer.headers["location"])
    assert "code_challenge" in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:49152/other"},
        {"redirect_uri": "http://127.0.0.1:99999/callback"},
        {"redirect_uri": "http://127.0.0.1:80@evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1.evil.example:80/callback"},
        {"redirect_uri": "http://localhost:49152/callback"},
        {"redirect_uri": REDIRECT + "\n"},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
        {"response_type": "token"},
    ],
)
async def test_another_client_redirect_or_proof_is_refused_without_a_redirect(sign_in_as, changes) -> None:
    ada = await sign_in_as("ada")
    asked = request(pkce()[1], **changes)
    shown = await ada.client.get("/oauth/authorize", params=asked)
    assert shown.status_code == 400
    if "response_type" not in changes:
        del asked["response_type"]
        answer = await ada.post("/oauth/authorize", **asked)
        assert answer.status_code == 400
        assert "location" not in answer.headers


async def test_a_code_works_once_and_a_second_use_ends_what_it_gave(sign_in_as, client) -> None:
    ada = await sign_in_as("ada")
    verifier, challenge = pkce()
    code = await code_of(ada, challenge)
    tokens = (await redeem(client, code, verifier)).json()
    again = await redeem(client, code, verifier)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await refresh(client, tokens["refresh_token"])).status_code == 400
    assert (await me(client, tokens["access_token"])).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "x" * 43}, {"code_verifier": ""}, {"code_verifier": "ä" * 50},
        {"redirect_uri": "http://127.0.0.1:49153/callback"}, {"client_id": "other"},
    ],
)  # fmt: skip
async def test_a_code_is_bound_to_its_proof_and_redirect_and_is_used_up_by_a_wrong_try(
    sign_in_as, client, changes
) -> None:
    ada = await sign_in_as("ada")
    verifier, challenge = pkce()
    code = await code_of(ada, challenge)
    assert (await redeem(client, code, verifier, **changes)).status_code == 400
    assert (await redeem(client, code, verifier)).status_code == 400


async def test_a_code_is_worth_a_minute(sign_in_as, client, runtime, clock: FakeClock) -> None:
    runtime.clock = clock
    ada = await sign_in_as("ada")
    verifier, challenge = pkce()
    code = await code_of(ada, challenge)
    clock.advance(61)
    assert (await redeem(client, code, verifier)).status_code == 400


async def test_a_refresh_token_is_replaced_and_its_late_second_use_ends_the_sign_in(
    sign_in_as, client, runtime, clock: FakeClock
) -> None:
    clock.instant = process_now()
    runtime.clock = clock
    ada = await sign_in_as("ada")
    first = await signed_in(ada, client)
    second = (await refresh(client, first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert (await me(client, second["access_token"])).status_code == 200
    clock.advance(16)
    assert (await refresh(client, first["refresh_token"])).status_code == 400
    assert (await refresh(client, second["refresh_token"])).status_code == 400
    assert (await refresh(client, "nonsense")).status_code == 400
    sessions = await ada.client.get("/settings/sessions")
    assert "berth command line" not in sessions.text


async def test_a_refresh_whose_answer_was_lost_is_answered_again(sign_in_as, client) -> None:
    first = await signed_in(await sign_in_as("ada"), client)
    lost = (await refresh(client, first["refresh_token"])).json()
    again = (await refresh(client, first["refresh_token"])).json()
    assert again["refresh_token"] == lost["refresh_token"]
    assert (await me(client, again["access_token"])).status_code == 200
    assert (await refresh(client, again["refresh_token"], client_id="other")).status_code == 400
    assert (await refresh(client, again["refresh_token"])).status_code == 200


async def test_a_refresh_token_whose_successor_was_used_ends_the_sign_in_at_once(sign_in_as, client) -> None:
    first = await signed_in(await sign_in_as("ada"), client)
    second = (await refresh(client, first["refresh_token"])).json()
    third = (await refresh(client, second["refresh_token"])).json()
    assert (await refresh(client, first["refresh_token"])).status_code == 400
    assert (await refresh(client, third["refresh_token"])).status_code == 400
    assert (await me(client, third["access_token"])).status_code == 401


async def test_a_second_click_on_allow_takes_the_same_code_to_the_command_line(
    sign_in_as, client, runtime, clock: FakeClock
) -> None:
    clock.instant = process_now()
    runtime.clock = clock
    ada = await sign_in_as("ada")
    verifier, challenge = pkce()
    fields = {**request(challenge), "_idempotency_key": "one form"}
    del fields["response_type"]
    first, second = await ada.post("/oauth/authorize", **fields), await ada.post("/oauth/authorize", **fields)
    assert first.headers["location"] == second.headers["location"]
    code = parse_qs(urlsplit(second.headers["location"]).query)["code"][0]
    assert (await redeem(client, code, verifier)).status_code == 200
    clock.advance(61)
    assert (await ada.post("/oauth/authorize", **fields)).status_code == 400


async def test_the_sign_in_is_listed_with_its_computer_and_revoked_like_a_browser(sign_in_as, client, runtime) -> None:
    ada = await sign_in_as("ada")
    tokens = await signed_in(ada, client)
    assert (await me(client, tokens["access_token"])).status_code == 200
    shown = await ada.client.get("/settings/sessions")
    assert "berth command line on laptop" in shown.text
    path = next(
        part.partition('"')[0]
        for part in shown.text.partition("berth command line on laptop")[2].split('action="')[1:]
        if part.startswith("/settings/sessions/")
    )
    assert (await ada.post(path)).status_code == 303
    await expire(runtime)  # what five seconds do
    assert (await me(client, tokens["access_token"])).status_code == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 400


async def test_signing_out_at_the_command_line_ends_its_session(sign_in_as, client, runtime) -> None:
    tokens = await signed_in(await sign_in_as("ada"), client)
    for token in (tokens["refresh_token"], "nonsense"):
        assert (await client.post("/oauth/revoke", data={"token": token})).status_code == 200
    assert (await refresh(client, tokens["refresh_token"])).status_code == 400


async def test_a_program_cannot_let_in_another_program(sign_in_as, client) -> None:
    tokens = await signed_in(await sign_in_as("ada"), client)
    fields = request(pkce()[1])
    del fields["response_type"]
    headers = {"authorization": f"Bearer {tokens['access_token']}", "x-idempotency-key": "k"}
    answer = await client.post("/oauth/authorize", data=fields, headers=headers)
    assert answer.status_code == 403
