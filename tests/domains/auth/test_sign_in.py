"""Signing in, staying signed in and being signed out, through the real pages."""

import pytest

from app.domains.auth.rules import browser_label, login_candidates, safe_next
from tests.fixtures.app import Browser


@pytest.mark.parametrize(
    "candidate",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", None, "/a\nb", "/login"],
)
def test_a_return_address_outside_our_site_becomes_the_start_page(candidate: str | None) -> None:
    assert safe_next(candidate) == "/"


def test_a_path_of_ours_is_returned_to() -> None:
    assert safe_next("/launch?sku=h100x8") == "/launch?sku=h100x8"


@pytest.mark.parametrize(
    ("name", "email", "first"),
    [("Ada Marsh", "a@x.example", "ada"), ("Chloé 陈", "c@x.example", "chloe"), ("陈", "root@x.example", "user")],
)
def test_logins_are_plain_posix_names(name: str, email: str, first: str) -> None:
    assert login_candidates(name, email)[0] == first


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19 Safari/604", "Safari on iPhone"),
        ("curl/8.1", "curl/8.1"),
        ("", "Unknown browser"),
    ],
)
def test_a_session_is_named_in_words_a_person_knows(header: str, words: str) -> None:
    assert browser_label(header) == words


async def test_a_page_asks_who_you_are_and_remembers_where_you_were_going(client) -> None:
    answer = await client.get("/settings/sessions")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/settings/sessions"


async def test_the_api_answers_401_with_the_envelope(client) -> None:
    answer = await client.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "token_missing"


async def test_a_first_sign_in_makes_an_organisation_a_project_and_an_owner(sign_in_as) -> None:
    ada: Browser = await sign_in_as("ada")
    me = (await ada.client.get("/api/v1/me")).json()
    assert me["roles"] == ["tenant_owner"]
    assert me["tenant_id"] and me["project_id"]
    again: Browser = await sign_in_as("ada")
    assert again.actor.tenant_id == ada.actor.tenant_id
    assert again.actor.session_id != ada.actor.session_id


async def test_an_operator_has_no_organisation(sign_in_as) -> None:
    olga: Browser = await sign_in_as("olga", operator=True)
    assert olga.actor.role_names == ["platform_admin"]
    assert olga.actor.tenant_id is None


async def test_a_revoked_session_is_seen_within_five_seconds_even_if_the_cache_was_warm(sign_in_as, runtime) -> None:
    ada: Browser = await sign_in_as("ada")
    other: Browser = await sign_in_as("ada")
    assert (await other.client.get("/api/v1/me")).status_code == 200
    answer = await ada.post(f"/settings/sessions/{other.actor.session_id}/revoke")
    assert answer.status_code == 303, answer.text
    assert (await other.client.get("/api/v1/me")).status_code == 401
    assert (await ada.client.get("/api/v1/me")).status_code == 200


async def test_somebody_elses_session_does_not_exist(sign_in_as) -> None:
    ada, mallory = await sign_in_as("ada"), await sign_in_as("mallory")
    answer = await mallory.post(f"/settings/sessions/{ada.actor.session_id}/revoke")
    assert answer.status_code == 404
    assert (await ada.client.get("/api/v1/me")).status_code == 200


async def test_signing_out_ends_the_session_on_the_server(sign_in_as) -> None:
    ada: Browser = await sign_in_as("ada")
    answer = await ada.post("/logout")
    assert answer.headers["location"] == "/login?out=1"
    assert (await ada.client.get("/api/v1/me")).status_code == 401


async def test_a_form_from_another_site_is_refused(sign_in_as) -> None:
    ada: Browser = await sign_in_as("ada")
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}, {}):
        answer = await ada.client.post("/logout", data=ada.form(), headers=headers)
        assert answer.status_code == 403, headers
    without_token = await ada.client.post("/logout", data={}, headers={"sec-fetch-site": "same-origin"})
    assert without_token.status_code == 403
    assert (await ada.client.get("/api/v1/me")).status_code == 200


async def test_internal_login_works_in_development_with_the_forms_token(client) -> None:
    from re import search

    shown = await client.get("/login?next=/settings/sessions")
    token = search(r'name="_csrf_token" value="([^"]+)"', shown.text)
    assert token is not None
    fields = {"_csrf_token": token[1], "person": "dev", "next": "/settings/sessions"}
    answer = await client.post("/auth/internal", data=fields, headers={"sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/sessions")
    assert "HttpOnly" in answer.headers["set-cookie"]
    page = await client.get("/settings/sessions")
    assert page.status_code == 200
    assert "This session" in page.text
