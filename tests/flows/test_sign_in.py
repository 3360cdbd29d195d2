"""Signing in at the simulated identity provider over its real protocol, and what must not sign anybody in."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from re import findall
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import msgspec
import pytest
import structlog
from sqlalchemy import text

from app.domains.auth.policies import SESSION_HOURS
from app.domains.auth.service.oidc import gateway_of
from app.shared.authz.actor import SYSTEM
from app.shared.context import WebInfo
from tests.fixtures.app import ORIGIN
from tests.simulators.harness import plain_client, running

SECRET = "a-secret-of-the-test"
SHOWS = WebInfo(path="/", is_htmx=False, theme="light", csrf_token="", reads=True)
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


async def test_how_long_a_session_lasts_is_decided_by_the_row_of_the_policy(client, provider, runtime) -> None:
    """Although the callback is a GET, and an answer of a moment ago is kept."""
    async with runtime.context(SYSTEM, web=SHOWS) as ctx:
        await ctx.policy(SESSION_HOURS)
    async with runtime.context(SYSTEM) as ctx:
        values = "(id, key, value) VALUES (uuidv7(), 'auth.session_hours', '1')"
        await ctx.session.execute(text(f"INSERT INTO shared.policy_values {values}"))  # and nobody hears of it
    await client.get(await _authorize(provider, await _begin(client), sub="ada"))
    async with runtime.context(SYSTEM) as ctx:
        lasts = await ctx.session.scalar(text("SELECT max(expires_at - created_at) FROM auth.oidc_sessions"))
    assert lasts == timedelta(hours=1)


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


async def test_a_callback_signs_in_once_and_leads_on_when_it_is_loaded_again(client, provider) -> None:
    callback = await _authorize(provider, await _begin(client, "/settings/sessions?a=b"), sub="ada")
    assert (await client.get(callback)).status_code == 303
    session = dict(client.cookies)
    again = await client.get(callback)
    assert (again.status_code, again.headers["location"]) == (303, "/settings/sessions?a=b")
    assert dict(client.cookies) == session
    for path in ("/auth/callback", "/auth/callback?state=unknown&code=x"):
        assert (await client.get(path)).headers["location"] == "/"
    client.cookies.clear()
    late = await client.get(callback)  # another browser
    assert late.status_code == 400
    assert 'href="/login"' in late.text and "Sign in again" in late.text


async def test_a_browser_that_lost_the_answer_to_its_own_attempt_begins_anew(client, provider) -> None:
    """A reload while the first try is under way: its cookie never arrives."""
    callback = await _authorize(provider, await _begin(client, "/team?a=b%26c=d"), sub="ada")
    held = dict(client.cookies)
    assert (await client.get(callback)).status_code == 303
    client.cookies.clear()
    client.cookies.update(held)
    again = await client.get(callback)
    assert (again.status_code, again.headers["location"]) == (303, "/auth/start?next=%2Fteam%3Fa%3Db%26c%3Dd")
    started = await client.get(again.headers["location"])
    arrived = await client.get(await _authorize(provider, started.headers["location"], sub="ada"))
    assert arrived.headers["location"] == "/team?a=b&c=d"


async def test_what_else_a_provider_adds_to_its_answer_is_no_matter_of_ours(client, provider) -> None:
    """RFC 6749 §4.1.2: unknown parameters are ignored."""
    callback = await _authorize(provider, await _begin(client), sub="ada")
    more = "session_state=a.b&scope=openid%20email&authuser=0&hd=example.com&prompt=none&error_uri=&x=%00%ff"
    assert (await client.get(f"{callback}&{more}")).status_code == 303


ODD = ["%00", "%ff", "%ED%A0%80", "x" * 8_000, "x" * 9_000, "a&{0}=b", ""]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd[:12])
@pytest.mark.parametrize("name", ["state", "code", "iss", "error"])
async def test_an_odd_answer_is_refused_in_words(client, provider, name: str, odd: str) -> None:
    query = urlsplit(await _authorize(provider, await _begin(client), sub="ada")).query
    kept = "&".join(part for part in query.split("&") if not part.startswith(f"{name}="))
    answer = await client.get(f"/auth/callback?{kept}&{name}={odd.format(name)}")
    is_harmless = (name, odd) == ("error", "")
    assert answer.status_code == (303 if is_harmless else 400)
    if not is_harmless:
        assert "<h1>" in answer.text and (await client.get("/api/v1/me")).status_code == 401


async def test_tabs_that_sign_in_at_once_all_arrive(client, provider) -> None:
    callbacks = []
    for path in ("/settings/sessions", "/team", "/launch"):
        callbacks.append((path, await _authorize(provider, await _begin(client, path), sub="ada")))
    for path, callback in (callbacks[0], callbacks[2], callbacks[1]):
        answer = await client.get(callback)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert not [name for name in client.cookies if "login-" in name]


async def test_attempts_that_were_left_are_put_away(client, provider) -> None:
    for _ in range(40):
        last = await _begin(client)
        assert len([name for name in client.cookies if "login-" in name]) <= 17
    assert (await client.get(await _authorize(provider, last, sub="ada"))).status_code == 303


async def test_an_attempt_is_bound_to_its_browser_even_when_another_attempt_of_it_is_open(client, provider) -> None:
    """RFC 9700 §4.7: the answer of a stranger's attempt signs nobody in, whatever else this browser has begun."""
    strangers = await _authorize(provider, await _begin(client), sub="mallory")
    client.cookies.clear()
    await _begin(client)
    answer = await client.get(strangers, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "sign_in_expired")


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


async def test_an_answer_without_its_issuer_is_refused_where_the_provider_names_itself(client, provider) -> None:
    """RFC 9207 §2.4, also for what is no success."""
    for answer in ("cancel", None):
        fields = {"answer": answer} if answer else {"sub": "ada"}
        callback = await _authorize(provider, await _begin(client), **fields)
        query = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
        assert query.pop("iss")
        assert (await client.get("/auth/callback", params=query)).status_code == 400
    assert (await client.get("/api/v1/me")).status_code == 401


async def test_a_refusal_leaves_its_cause_to_the_operator_and_no_secret(client, provider, issuer, open_context) -> None:
    await provider.put(f"{issuer}/_faults/wrong_nonce", json={"count": None})
    callback = await _authorize(provider, await _begin(client), sub="ada")
    query = parse_qs(urlsplit(callback).query)
    with structlog.testing.capture_logs() as lines:
        answer = await client.get(callback)
    [line] = [line for line in lines if line.get("cause")]
    assert (line["event"], line["cause"], line["code"]) == ("refused: claim_nonce", "claim_nonce", "sign_in_failed")
    assert "claim_nonce" not in answer.text
    assert not [secret for name in ("code", "state") for secret in query[name] if secret in str(lines) + answer.text]
    async with open_context() as ctx:
        details = await ctx.session.scalar(text("SELECT details FROM admin.audit_logs WHERE result = 'refused'"))
    assert details["cause"] == "claim_nonce"


async def _sign_out(client: httpx.AsyncClient) -> httpx.Response:
    page = await client.get("/settings/sessions")
    form = dict(findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    return await client.post("/logout", data=form, headers={"sec-fetch-site": "same-origin"})


async def test_signing_out_ends_the_session_at_the_provider_too(client, provider, issuer: str) -> None:
    """RP-Initiated Logout 1.0: the address says who asks and where to come back to, and holds no token."""
    await client.get(await _authorize(provider, await _begin(client), sub="ada"))
    answer = await _sign_out(client)
    assert (await client.get("/api/v1/me")).status_code == 401
    [address] = findall(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
    assert f'href="{address}"' in answer.text
    assert "data-live-url" not in answer.text  # it would hear that the session is over, and lead away
    query = parse_qs(urlsplit(unescape(address)).query)
    assert unescape(address).startswith(f"{issuer}/end_session?")
    assert query == {"client_id": ["berth"], "post_logout_redirect_uri": [f"{ORIGIN}/"]}
    asked = await provider.get(unescape(address))
    assert (asked.status_code, "Sign out" in asked.text) == (200, True)
    gone = await provider.post(unescape(address))
    assert (gone.status_code, gone.headers["location"]) == (303, f"{ORIGIN}/")
    assert "You are signed out." in (await client.get("/login?next=/")).text
    assert "You are signed out." not in (await client.get("/login")).text


@pytest.mark.parametrize("why", ["provider is down", "provider offers none", "setting", "internal"])
async def test_where_there_is_no_end_at_the_provider_signing_out_ends_ours(
    client, provider, runtime, issuer, why
) -> None:
    await client.get(await _authorize(provider, await _begin(client), sub="ada"))
    changed = {"provider is down": {"issuer": "http://localhost:1"}, "setting": {"signs_out": False}}.get(why, {})
    oidc = msgspec.structs.replace(runtime.settings.oidc, **changed)
    runtime.settings = msgspec.structs.replace(runtime.settings, oidc=oidc)
    await runtime.close_parts()  # as after a start with these settings
    if why == "provider offers none":
        said = await gateway_of(runtime).metadata()
        gateway_of(runtime)._metadata = (msgspec.structs.replace(said, end_session_endpoint=None), time.monotonic())
    if why == "internal":
        async with runtime.context(SYSTEM) as ctx:
            await ctx.session.execute(text("UPDATE auth.oidc_sessions SET method = 'internal'"))
    answer = await _sign_out(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?out=1")
    assert (await client.get("/api/v1/me")).status_code == 401


async def test_a_provider_that_is_down_is_said_to_be_down(client, provider, issuer: str) -> None:
    await client.get("/login")
    callback = await _authorize(provider, await _begin(client), sub="ada")
    await provider.put(f"{issuer}/_faults/down", json={"count": None})
    answer = await client.get(callback)
    assert answer.status_code in (400, 503)
    assert (await client.get("/api/v1/me")).status_code == 401
