"""The authorization server as other people's clients meet it: RFC 6749 §5.2, RFC 7009, RFC 8414."""

import base64
from urllib.parse import quote_plus

import httpx
import pytest

from tests.domains.auth.test_programs import pkce, redeem, request, signed_in
from tests.domains.auth.test_tokens import _credentials

FORM = {"content-type": "application/x-www-form-urlencoded"}
GRANT = {"grant_type": "client_credentials"}


def is_oauth_error(answer: httpx.Response, status: int, error: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("code=1", "invalid_request"),
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code", "unsupported_grant_type"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&other=1&other=2", "invalid_request"),
        ("grant_type=client_credentials&scope=admin", "invalid_scope"),
        ("grant_type=authorization_code&client_id=berth-cli", "invalid_request"),
        ("grant_type=authorization_code&client_id=berth-cli&code=x", "invalid_grant"),
        ("grant_type=refresh_token&client_id=berth-cli", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=x", "invalid_request"),
        ("grant_type=refresh_token&client_id=berth-cli&refresh_token=x", "invalid_grant"),
        ("grant_type=%FF", "invalid_request"),
        ("&".join(f"p{number}=1" for number in range(80)), "invalid_request"),
    ],
)
async def test_the_token_endpoint_names_what_is_wrong(client, body: str, error: str) -> None:
    is_oauth_error(await client.post("/oauth/token", content=body, headers=FORM), 400, error)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
async def test_only_a_form_is_read(client, path: str, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    is_oauth_error(await client.post(path, content=b"grant_type=x&token=x", headers=headers), 400, "invalid_request")
    wrong_method = await client.get(path)
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST, OPTIONS")


async def test_a_client_proves_itself_in_the_form_or_by_basic_and_never_by_both(sign_in_as, client) -> None:
    client_id, secret = await _credentials(await sign_in_as("ada"))

    def basic(name: str, word: str) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(f"{name}:{word}".encode()).decode()}

    for headers, form in (
        (basic(client_id, secret), GRANT),
        (basic(quote_plus(client_id), quote_plus(secret)), GRANT),
        (basic(client_id.replace("-", "%2D"), secret), GRANT),
        ({}, GRANT | {"client_id": client_id, "client_secret": secret, "unknown": "ignored", "scope": ""}),
    ):
        good = await client.post("/oauth/token", data=form, headers=headers)
        assert good.status_code == 200, good.text
        assert good.json()["token_type"] == "Bearer"
        assert (good.headers["cache-control"], good.headers["pragma"]) == ("no-store", "no-cache")
    for headers, form in (
        (basic(client_id, "wrong"), GRANT),
        (basic("nobody", secret), GRANT),
        ({"authorization": "Basic !!!"}, GRANT),
        ({"authorization": "Basic " + base64.b64encode(b"no-colon").decode()}, GRANT),
        ({}, GRANT),
        ({}, GRANT | {"client_id": client_id, "client_secret": "wrong"}),
    ):
        bad = await client.post("/oauth/token", data=form, headers=headers)
        is_oauth_error(bad, 401, "invalid_client")
        assert bad.headers["www-authenticate"].startswith('Basic realm="berth"')
    both = await client.post("/oauth/token", data=GRANT | {"client_secret": secret}, headers=basic(client_id, secret))
    is_oauth_error(both, 400, "invalid_request")


async def test_revocation_tells_what_it_cannot_revoke(sign_in_as, client) -> None:
    tokens = await signed_in(await sign_in_as("ada"), client)
    is_oauth_error(await client.post("/oauth/revoke", data={"token": ""}), 400, "invalid_request")
    is_oauth_error(await client.post("/oauth/revoke", data={"token_type_hint": "x"}), 400, "invalid_request")
    access = await client.post("/oauth/revoke", data={"token": tokens["access_token"]})
    is_oauth_error(access, 400, "unsupported_token_type")
    hinted = {"token": tokens["refresh_token"], "token_type_hint": "something_else"}
    assert (await client.post("/oauth/revoke", data=hinted)).status_code == 200


async def test_a_client_that_knows_only_the_address_finds_everything_in_the_metadata(sign_in_as, client) -> None:
    answer = await client.get("/.well-known/oauth-authorization-server")
    said = answer.json()
    assert answer.headers["content-type"].startswith("application/json")
    assert said["issuer"] == "http://localhost:8000"
    ada, (verifier, challenge) = await sign_in_as("ada"), pkce()
    page = await ada.client.get(said["authorization_endpoint"], params=request(challenge))
    assert page.status_code == 200
    for grant in said["grant_types_supported"]:
        refused = await client.post(said["token_endpoint"], data={"grant_type": grant, "client_id": "x"})
        assert refused.json()["error"] in ("invalid_request", "invalid_client", "invalid_grant"), grant
    assert (await client.get(said["jwks_uri"])).json()["keys"]
    assert (await client.post(said["revocation_endpoint"], data={"token": "x"})).status_code == 200
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert (await redeem(client, "unknown", verifier)).json()["error"] == "invalid_grant"
