"""The simulated identity provider, used as Authlib and joserfc use a real one."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from authlib.integrations.base_client.errors import OAuthError
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidClaimError, InvalidKeyIdError

from devstack.simulators.oidc.models import NAMED_PEOPLE
from tests.simulators.oidc_world import (
    AFTER_LOGOUT,
    REDIRECT_URI,
    SECRET,
    Clock,
    World,
    answer_of,
    buttons,
    oidc_config,
    oidc_world,
)


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with oidc_world(tmp_path_factory.mktemp("oidc")) as started:
        yield started


async def test_one_click_signs_a_named_person_in(world: World) -> None:
    attempt = world.begin()
    back = await world.choose(attempt, sub="ada")
    assert answer_of(back)["state"] == attempt.state
    assert answer_of(back)["iss"] == world.issuer
    tokens = await world.fetch(attempt, back)
    claims = await world.claims(tokens["id_token"], attempt)
    assert (claims["sub"], claims["name"], claims["email"], claims["email_verified"]) == (
        "ada",
        "Ada Marsh",
        "ada@acme.example",
        True,
    )
    assert claims["auth_time"] == int(world.clock.now)
    info = await world.browser.get(
        f"{world.issuer}/userinfo", headers={"authorization": f"Bearer {tokens['access_token']}"}
    )
    assert info.json() == {"sub": "ada", "name": "Ada Marsh", "email": "ada@acme.example", "email_verified": True}


async def test_mallory_is_not_verified_and_the_chinese_name_survives(world: World) -> None:
    attempt, tokens = await world.sign_in(sub="mallory")
    assert (await world.claims(tokens["id_token"], attempt))["email_verified"] is False
    attempt, tokens = await world.sign_in(sub="chloé")
    claims = await world.claims(tokens["id_token"], attempt)
    assert (claims["sub"], claims["name"]) == ("chloe", "Chloé 陈")


async def test_someone_else_is_always_the_same_subject(world: World) -> None:
    subjects = []
    for email in ("eve@new.example", "Eve@New.Example"):
        attempt, tokens = await world.sign_in(name="Eve <b>New</b>", email=email)
        claims = await world.claims(tokens["id_token"], attempt)
        subjects.append(claims["sub"])
        assert (claims["name"], claims["email_verified"]) == ("Eve <b>New</b>", True)
    assert len(set(subjects)) == 1
    attempt, tokens = await world.sign_in(name="Max", email="max@new.example", unverified="yes")
    assert (await world.claims(tokens["id_token"], attempt))["email_verified"] is False


async def test_the_page_lists_the_people_and_the_hint_goes_first(world: World) -> None:
    page = await world.browser.get(world.begin().url)
    assert buttons(page.text) == [person.id for person in NAMED_PEOPLE]
    assert "simulated identity provider" in page.text
    hinted = await world.browser.get(world.begin(login_hint="olga@berth.example").url)
    assert buttons(hinted.text)[0] == "olga"
    assert "autofocus" in hinted.text
    stranger = await world.browser.get(world.begin(login_hint='x@y.example"><script>').url)
    assert "<script" not in stranger.text
    assert "x@y.example" in stranger.text


async def test_the_page_has_no_inline_code_and_a_strict_policy(world: World) -> None:
    page = await world.browser.get(world.begin().url)
    assert all(word not in page.text for word in ("<script", "<style", "style=", "onclick"))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://localhost:8000" in policy
    css = await world.browser.get(f"{world.issuer}/assets/sign-in.css")
    assert css.headers["content-type"].startswith("text/css")


async def test_the_form_of_the_page_leads_back(world: World) -> None:
    attempt = world.begin()
    empty = await world.browser.post(attempt.url, data={"name": "", "email": "nobody"})
    assert empty.status_code == 422
    assert "Enter a name" in empty.text
    cancelled = answer_of(await world.choose(attempt, answer="cancel"))
    assert (cancelled["error"], cancelled["state"], cancelled["iss"]) == ("access_denied", attempt.state, world.issuer)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("code_challenge_method=S256", "code_challenge_method=plain", "invalid_request"),
        ("code_challenge=", "ignored=", "invalid_request"),
        ("nonce=", "ignored=", "invalid_request"),
        ("response_type=code", "response_type=token", "unsupported_response_type"),
        ("scope=openid", "scope=", "invalid_scope"),
        ("response_type=code", "response_type=code&prompt=none", "login_required"),
        ("response_type=code", "response_type=code&response_type=code", "invalid_request"),
        ("response_type=code", "response_type=code&request=eyJ", "request_not_supported"),
    ],
)
async def test_a_weak_request_is_sent_back_with_its_error(world: World, old: str, new: str, error: str) -> None:
    attempt = world.begin()
    assert old in attempt.url
    for answer in (
        await world.browser.get(attempt.url.replace(old, new)),
        await world.browser.post(attempt.url.replace(old, new), data={"sub": "ada"}),
    ):
        assert answer.status_code == 303
        got = answer_of(answer.headers["location"])
        assert (got["error"], got["iss"], got["state"]) == (error, world.issuer, attempt.state)
        assert "code" not in got


@pytest.mark.parametrize(
    ("old", "new"),
    [("client_id=berth", "client_id=other"), ("%2Fcallback", "%2Fcallback%2F"), ("localhost%3A8000", "evil.example")],
)
async def test_an_unknown_client_or_address_is_never_redirected_to(world: World, old: str, new: str) -> None:
    url = world.begin().url
    assert old in url
    for answer in (await world.browser.get(url.replace(old, new)), await world.browser.post(url.replace(old, new))):
        assert answer.status_code == 400
        assert "location" not in answer.headers


async def test_prompt_and_max_age_are_tolerated(world: World) -> None:
    assert (await world.browser.get(world.begin(prompt="login", max_age="0").url)).status_code == 200


async def test_a_code_works_once_and_its_second_use_revokes_the_first(world: World) -> None:
    attempt = world.begin()
    back = await world.choose(attempt)
    tokens = await world.fetch(attempt, back)
    with pytest.raises(OAuthError, match="used before"):
        await world.fetch(attempt, back)
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    info = await world.browser.get(f"{world.issuer}/userinfo", headers=bearer)
    assert (info.status_code, info.headers["www-authenticate"][:28]) == (401, 'Bearer error="invalid_token"')
    with pytest.raises(OAuthError, match="revoked"):
        await world.client.refresh_token(f"{world.issuer}/token", str(tokens["refresh_token"]))


async def test_a_code_is_refused_late_or_with_another_verifier(world: World) -> None:
    attempt = world.begin()
    back = await world.choose(attempt)
    world.clock.now += 60
    with pytest.raises(OAuthError, match="expired"):
        await world.fetch(attempt, back)
    attempt = world.begin()
    back = await world.choose(attempt)
    with pytest.raises(OAuthError, match="code_verifier"):
        await world.fetch(attempt, back, verifier="v" * 43)
    with pytest.raises(OAuthError, match="used before"):
        await world.fetch(attempt, back)


async def test_the_client_proves_itself_in_one_of_two_ways(world: World) -> None:
    base = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI}
    attempt = world.begin()
    form = base | {"code": answer_of(await world.choose(attempt))["code"], "code_verifier": attempt.verifier}
    assert await world.token_error(**form) == (401, "invalid_client")
    assert await world.token_error(**form, client_id="berth", client_secret="wrong") == (401, "invalid_client")
    raw = base64.b64encode(f"berth:{SECRET}".encode()).decode()
    both = await world.browser.post(
        f"{world.issuer}/token", data={**form, "client_secret": SECRET}, headers={"authorization": f"Basic {raw}"}
    )
    assert both.json()["error"] == "invalid_request"
    posted = await world.browser.post(
        f"{world.issuer}/token", data={**form, "client_id": "berth", "client_secret": SECRET}
    )
    assert posted.status_code == 200
    assert posted.headers["cache-control"] == "no-store"
    assert await world.token_error(grant_type="password", client_id="berth", client_secret=SECRET) == (
        400,
        "unsupported_grant_type",
    )


async def test_refresh_tokens_rotate_and_a_used_one_ends_the_family(world: World) -> None:
    attempt, tokens = await world.sign_in(sub="ben")
    first = str(tokens["refresh_token"])
    renewed = await world.client.refresh_token(f"{world.issuer}/token", first)
    assert renewed["refresh_token"] != first
    assert (await world.claims(renewed["id_token"], attempt))["sub"] == "ben"
    with pytest.raises(OAuthError, match="used before"):
        await world.client.refresh_token(f"{world.issuer}/token", first)
    with pytest.raises(OAuthError, match="revoked"):
        await world.client.refresh_token(f"{world.issuer}/token", renewed["refresh_token"])


async def test_no_refresh_token_unless_asked_for(world: World) -> None:
    attempt = world.begin("openid email")
    tokens = await world.fetch(attempt, await world.choose(attempt))
    assert "refresh_token" not in tokens
    assert "name" not in await world.claims(tokens["id_token"], attempt)


async def test_a_revoked_token_is_dead_and_revoking_nonsense_is_fine(world: World) -> None:
    _, tokens = await world.sign_in()
    revoked = await world.client.revoke_token(f"{world.issuer}/revoke", str(tokens["refresh_token"]))
    assert revoked.status_code == 200
    with pytest.raises(OAuthError, match="revoked"):
        await world.client.refresh_token(f"{world.issuer}/token", str(tokens["refresh_token"]))
    assert (await world.client.revoke_token(f"{world.issuer}/revoke", "nonsense")).status_code == 200


async def test_signing_out_returns_only_to_the_registered_address(world: World) -> None:
    _, tokens = await world.sign_in()
    query = {"id_token_hint": str(tokens["id_token"]), "post_logout_redirect_uri": AFTER_LOGOUT, "state": "s 1"}
    out = await world.browser.get(f"{world.issuer}/end_session", params=query)
    assert (out.status_code, out.headers["location"]) == (303, f"{AFTER_LOGOUT}?state=s+1")
    with pytest.raises(OAuthError, match="revoked"):
        await world.client.refresh_token(f"{world.issuer}/token", str(tokens["refresh_token"]))
    for bad in ({"post_logout_redirect_uri": "http://evil.example/"}, {"id_token_hint": "nonsense"}):
        answer = await world.browser.get(f"{world.issuer}/end_session", params=query | bad)
        assert "location" not in answer.headers


async def test_an_old_key_is_published_until_it_is_retired(world: World) -> None:
    attempt, tokens = await world.sign_in()
    await world.browser.post(f"{world.issuer}/_keys/rotate")
    second, fresh = await world.sign_in()
    assert await world.claims(tokens["id_token"], attempt)
    assert await world.claims(fresh["id_token"], second)
    await world.browser.post(f"{world.issuer}/_keys/retire")
    assert await world.claims(fresh["id_token"], second)
    with pytest.raises((InvalidKeyIdError, BadSignatureError, ValueError)):
        await world.claims(tokens["id_token"], attempt)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("wrong_nonce", InvalidClaimError),
        ("wrong_audience", InvalidClaimError),
        ("wrong_issuer", InvalidClaimError),
        ("expired_token", ExpiredTokenError),
        ("wrong_signature", BadSignatureError),
    ],
)
async def test_a_bad_id_token_can_be_had_once(world: World, fault: str, error: type[Exception]) -> None:
    await world.fault(fault)
    attempt, tokens = await world.sign_in()
    with pytest.raises(error):
        await world.claims(tokens["id_token"], attempt)
    attempt, tokens = await world.sign_in()
    assert await world.claims(tokens["id_token"], attempt)


async def test_it_can_be_down_or_slow(world: World) -> None:
    await world.fault("down", path="/token")
    assert (await world.browser.get(f"{world.issuer}/jwks")).status_code == 200
    assert (await world.browser.post(f"{world.issuer}/token")).status_code == 503
    await world.fault("slow", path="/jwks", seconds=0.5)
    with pytest.raises(httpx2.ReadTimeout):
        await world.browser.get(f"{world.issuer}/jwks", timeout=0.1)


async def test_it_has_one_name_only(world: World) -> None:
    port = httpx2.URL(world.issuer).port
    assert world.metadata["issuer"] == world.issuer
    path = f"http://127.0.0.1:{port}/.well-known/openid-configuration"
    assert (await world.browser.get(path)).status_code == 404
    assert (await world.browser.get(path, headers={"host": "evil.example"})).status_code == 404
    assert (await world.browser.get(f"http://127.0.0.1:{port}/healthz")).text == "ok"


async def test_a_restart_keeps_keys_people_and_tokens(tmp_path: Path) -> None:
    config, clock = oidc_config(), Clock()
    async with oidc_world(tmp_path / "oidc", config, clock) as world:
        attempt, tokens = await world.sign_in(name="Eve", email="eve@new.example")
    async with oidc_world(tmp_path / "oidc", config, clock) as world:
        assert (await world.claims(tokens["id_token"], attempt))["name"] == "Eve"
        renewed = await world.client.refresh_token(f"{world.issuer}/token", str(tokens["refresh_token"]))
        assert (await world.claims(renewed["id_token"], attempt))["name"] == "Eve"
