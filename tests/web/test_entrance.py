"""What every request meets before a handler: host, headers, rates, sizes, odd bodies; and how errors leave."""

import json

import pytest

from tests.fixtures.app import ORIGIN, Browser, expire


async def test_another_hosts_name_is_sent_to_the_public_address(client) -> None:
    answer = await client.get("/catalog?x=1", headers={"host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (307, f"{ORIGIN}/catalog")
    unsafe = await client.post("/logout", headers={"host": "evil.example"})
    assert unsafe.status_code == 421


async def test_probes_may_ask_by_address(client) -> None:
    assert (await client.get("/healthz", headers={"host": "10.0.0.7:8000"})).text == "ok"


@pytest.mark.parametrize("path", ["/login", "/healthz", "/api/v1/nope", "/nope", "/static/dist/berth.css", "/billing"])
async def test_every_answer_carries_the_security_headers(client, path: str) -> None:
    answer = await client.get(path)
    policy = answer.headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_correlation_id_is_taken_up_or_made_but_never_echoed_blindly(client) -> None:
    given = await client.get("/healthz", headers={"x-correlation-id": "my-request-0001"})
    assert given.headers["x-correlation-id"] == "my-request-0001"
    bad = await client.get("/healthz", headers={"x-correlation-id": "<script>alert(1)</script>"})
    assert "<" not in bad.headers["x-correlation-id"]
    assert len(bad.headers["x-correlation-id"]) == 32


async def test_an_error_names_its_correlation_id_to_programs_and_people(client) -> None:
    api = await client.get("/api/v1/nope", headers={"x-correlation-id": "story-0002"})
    assert api.json()["error"]["correlation_id"] == "story-0002"
    page = await client.get("/nope", headers={"x-correlation-id": "story-0003"})
    assert page.status_code == 404
    assert "story-0003" in page.text


async def test_signing_in_is_limited_and_says_when_to_come_back(client) -> None:
    answers = [await client.get("/auth/callback?state=x&code=y") for _ in range(31)]
    assert answers[29].status_code == 400
    assert answers[30].status_code == 429
    assert 1 <= int(answers[30].headers["retry-after"]) <= 60


async def test_money_routes_are_limited_per_account(sign_in_as) -> None:
    ada: Browser = await sign_in_as("ada")
    statuses = [(await ada.post("/billing/credit", amount="not money")).status_code for _ in range(31)]
    allowed = statuses.index(429)
    assert allowed in (20, 30)
    assert set(statuses[:allowed]) == {422}
    assert set(statuses[allowed:]) == {429}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 100_000,
        b'{"name": "a", "name": "b"}' * 2,
        b"\xff\xfe",
        b"null",
        b'"text"',
        b'{"name": 1e999}',
        json.dumps({"name": "x" * 500_000}).encode(),
    ],
)
async def test_odd_json_is_a_clear_refusal_and_never_a_500(sign_in_as, body: bytes) -> None:
    ada: Browser = await sign_in_as("ada")
    headers = {
        "content-type": "application/json",
        "sec-fetch-site": "same-origin",
        "x-csrftoken": ada.csrf,
        "x-idempotency-key": "odd",
    }
    answer = await ada.client.post("/api/v1/service-accounts", content=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"]["code"]


async def test_a_body_that_is_too_large_is_refused(sign_in_as) -> None:
    ada: Browser = await sign_in_as("ada")
    headers = {"content-type": "application/json", "sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf}
    answer = await ada.client.post(
        "/api/v1/service-accounts", content=b"x" * 1_100_000, headers={**headers, "x-idempotency-key": "k"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


async def test_under_htmx_an_error_is_an_alert_that_finds_its_own_place(sign_in_as) -> None:
    ada: Browser = await sign_in_as("ada")
    headers = {"hx-request": "true", "sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf}
    answer = await ada.client.get("/nope", headers=headers)
    assert answer.status_code == 404
    assert "<html" not in answer.text
    assert "#alerts" in answer.text


async def test_htmx_is_sent_to_sign_in_by_its_own_header(client) -> None:
    answer = await client.get("/billing", headers={"hx-request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/login?next=/"


async def test_the_theme_is_kept_in_a_cookie_of_this_instance(sign_in_as) -> None:
    ada: Browser = await sign_in_as("ada")
    answer = await ada.post("/theme", theme="dark")
    assert "berth_theme_berth=dark" in answer.headers["set-cookie"]
    page = await ada.client.get("/settings/sessions")
    assert 'data-theme="dark"' in page.text


@pytest.mark.commits
async def test_a_pool_that_is_used_up_answers_503_and_waits_no_longer_than_two_seconds(runtime, sign_in_as) -> None:
    from contextlib import AsyncExitStack

    from sqlalchemy import text

    ada: Browser = await sign_in_as("ada")
    async with AsyncExitStack() as stack:
        for _ in range(2 * runtime.database.engine.pool.size()):
            connection = await stack.enter_async_context(runtime.database.engine.connect())
            await connection.execute(text("SELECT 1"))
        await expire(runtime)
        answer = await ada.client.get("/api/v1/me")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
    assert runtime.database.engine.pool.timeout() <= 2


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"origin": "http://x:abc"}, "x"),
        ({"origin": "http://[x"}, "x"),
        ({"sec-fetch-site": "same-origin"}, "é"),
        ({"sec-fetch-site": "same-origin", "x-csrftoken": "é".encode("latin-1")}, "x"),
    ],
)
async def test_an_odd_origin_or_token_is_refused_and_no_fault_of_ours(client, headers, token: str) -> None:
    answer = await client.post("/logout", headers=headers, data={"_csrf_token": token})
    assert answer.status_code == 403


async def test_a_nul_in_a_text_is_refused_and_no_fault_of_ours(sign_in_as) -> None:
    ada: Browser = await sign_in_as("ada")
    assert (await ada.post("/launch", sku="\x00", image="x", part="whole", gpus="1")).status_code == 422
    assert (await ada.post_json("/api/v1/allocations", {"sku": "\x00"})).status_code == 422


async def test_the_text_of_a_database_error_holds_no_values(open_context) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    with pytest.raises(DBAPIError) as caught:
        async with open_context() as ctx:
            await ctx.session.execute(text("SELECT CAST(:gecos AS text), 1 / :zero"), {"gecos": "canary", "zero": 0})
    assert "canary" not in str(caught.value)
