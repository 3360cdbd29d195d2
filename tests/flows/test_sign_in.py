"""Signing in at the simulated identity provider over its real protocol, and what must not sign anybody in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import msgspec
import pytest

from tests.fixtures.app import ORIGIN
from tests.simulators.harness import plain_client, running

SECRET = "a-secret-of-the-test"
Walk = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def issuer(runtime, tmp_path: Path) -> AsyncIterator[str]:
    """A running provider, known to the application."""
    config = {
        "data_dir": str(tmp_path),
        "public_url": ORIGIN,
        "oidc": {
            "port": 0,
            "client_id": "berth",
            "client_secret": SECRET,
            "redirect_uri": f"{ORIGIN}/auth/callback",
            "post_logout_redirect_uri": f"{ORIGIN}/",
        },
    }
    async with running("oidc", config, tmp_path / "oidc") as port:
        oidc = msgspec.structs.replace(runtime.settings.oidc, issuer=f"http://localhost:{port}", client_secret=SECRET)
        runtime.settings = msgspec.structs.replace(runtime.settings, oidc=oidc)
        yield oidc.issuer


@pytest.fixture
async def provider(issuer: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with plain_client(10) as client:
        yield client


async def _begin(client: httpx.AsyncClient, path: str = "/settings/sessions") -> str:
    answer = await client.get(f"/auth/start?next={path}")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def _authorize(provider: httpx2.AsyncClient, url: str, **fields: str) -> str:
    """What the provider sends the browser back to, as a path of ours."""
    answer = await provider.post(url, data=fields)
    assert answer.status_code == 303, answer.text
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}" == ORIGIN
    return f"{back.path}?{back.query}"


async def test_ada_signs_in_and_comes_back_to_where_she_was_going(client, provider) -> None:
    callback = await _authorize(provider, await _begin(client), sub="ada")
    answer = await client.get(callback)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/sessions")
    assert (await client.get("/api/v1/me")).json()["roles"] == ["tenant_owner"]


async def test_an_operator_is_known_by_a_verified_address(client, provider) -> None:
    answer = await client.get(await _authorize(provider, await _begin(client, "/"), sub="olga"))
    assert answer.headers["location"] == "/admin"
    assert (await client.get("/api/v1/me")).json()["roles"] == ["platform_admin"]


async def test_an_unverified_operator_address_is_only_a_customer(client, provider, runtime) -> None:
    claimed = frozenset({"mallory@evil.example"})
    runtime.settings = msgspec.structs.replace(runtime.settings, platform_admins=claimed)
    await client.get(await _authorize(provider, await _begin(client), sub="mallory"))
    assert (await client.get("/api/v1/me")).json()["roles"] == ["tenant_owner"]


async def test_the_answer_of_one_browser_signs_in_no_other(client, provider, sign_in_as) -> None:
    callback = await _authorize(provider, await _begin(client), sub="ada")
    client.cookies.clear()
    answer = await client.get(callback, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "sign_in_expired")


async def test_a_callback_works_once(client, provider) -> None:
    callback = await _authorize(provider, await _begin(client), sub="ada")
    assert (await client.get(callback)).status_code == 303
    again = await client.get(callback, headers={"accept": "application/json"})
    assert again.status_code == 400


async def test_another_issuers_answer_is_refused(client, provider) -> None:
    callback = await _authorize(provider, await _begin(client), sub="ada")
    query = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
    answer = await client.get("/auth/callback", params=query | {"iss": "http://evil.example"})
    assert answer.status_code == 400
    assert (await client.get("/api/v1/me")).status_code == 401


@pytest.mark.parametrize("fault", ["wrong_nonce", "expired_token", "wrong_audience", "wrong_issuer", "wrong_signature"])
async def test_a_bad_id_token_signs_nobody_in(client, provider, issuer: str, fault: str) -> None:
    assert (await provider.put(f"{issuer}/_faults/{fault}", json={"count": None})).status_code == 200
    answer = await client.get(await _authorize(provider, await _begin(client), sub="ada"))
    assert answer.status_code == 400, answer.text
    assert (await client.get("/api/v1/me")).status_code == 401


async def test_keys_may_rotate_between_two_sign_ins(client, provider, issuer: str) -> None:
    for _ in range(2):
        client.cookies.clear()
        assert (await client.get(await _authorize(provider, await _begin(client), sub="ben"))).status_code == 303
        assert (await provider.post(f"{issuer}/_keys/rotate")).status_code < 300


async def test_a_person_who_cancels_is_told_so(client, provider) -> None:
    callback = await _authorize(provider, await _begin(client), sub="ada", answer="cancel")
    answer = await client.get(callback, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "sign_in_failed")


async def test_a_provider_that_is_down_is_said_to_be_down(client, provider, issuer: str) -> None:
    await client.get("/login")
    callback = await _authorize(provider, await _begin(client), sub="ada")
    await provider.put(f"{issuer}/_faults/down", json={"count": None})
    answer = await client.get(callback)
    assert answer.status_code in (400, 503)
    assert (await client.get("/api/v1/me")).status_code == 401
