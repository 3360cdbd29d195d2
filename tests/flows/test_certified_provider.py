"""A journey with a certified OpenID provider that is not ours: in, out, and asked again, in every way it offers."""

import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from sqlalchemy import text

from tests.fixtures.app import ORIGIN
from tests.flows.certified_provider import ProviderBrowser, running
from tests.simulators.harness import plain_client

RESERVED = "a b+c%2B:/?&=~*'()!" + "s" * 32
CLIENTS = {
    "RS256": {},
    "PS256": {"client_secret": RESERVED},
    "ES256": {"token_endpoint_auth_method": "client_secret_post", "client_secret": RESERVED},
    "EdDSA": {"subject_type": "pairwise"},
}


def _client(algorithm: str) -> dict[str, object]:
    return {
        "client_id": f"berth {algorithm}",
        "client_secret": "s" * 32,
        "redirect_uris": [f"{ORIGIN}/auth/callback"],
        "post_logout_redirect_uris": [f"{ORIGIN}/"],
        "id_token_signed_response_alg": algorithm,
        **CLIENTS[algorithm],
    }


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """With a slash at its end, and claims at the userinfo endpoint only."""
    with running([_client(algorithm) for algorithm in CLIENTS], path="/") as found:
        yield found


@pytest.fixture
async def browser() -> AsyncIterator[ProviderBrowser]:
    async with plain_client(10) as client:
        yield ProviderBrowser(client)


def _use(runtime, issuer: str, algorithm: str) -> None:
    client = _client(algorithm)
    oidc = msgspec.structs.replace(
        runtime.settings.oidc, issuer=issuer, client_id=client["client_id"], client_secret=client["client_secret"]
    )
    runtime.settings = msgspec.structs.replace(runtime.settings, oidc=oidc)


def _hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))


async def _enter(client, browser: ProviderBrowser, person: str = "ada") -> str:
    started = await client.get("/auth/start?next=/settings/sessions")
    back = urlsplit(await browser.sign_in(started.headers["location"], person))
    answer = await client.get(f"{back.path}?{back.query}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/sessions"), answer.text
    return back.query


@pytest.mark.parametrize("algorithm", CLIENTS)
async def test_in_and_out_and_asked_again(client, runtime, open_context, issuer, browser, algorithm: str) -> None:
    _use(runtime, issuer, algorithm)
    query = parse_qs(await _enter(client, browser))
    assert query["iss"] == [issuer]
    assert browser.asked == ["login", "consent"]
    async with open_context() as ctx:
        [person] = await ctx.session.execute(text("SELECT email, email_verified, name FROM auth.users"))
        subject = await ctx.session.scalar(text("SELECT subject FROM auth.identities"))
    assert tuple(person) == ("ada@example.com", True, "ada")
    assert subject == ("berth EdDSA|ada" if algorithm == "EdDSA" else "ada")

    client.cookies.clear()
    await _enter(client, browser)
    assert browser.asked == ["login", "consent"], "the provider's session lets the person in"

    page = await client.get("/settings/sessions")
    farewell = await client.post("/logout", data=_hidden(page.text), headers={"sec-fetch-site": "same-origin"})
    address = re.search(r'content="0; url=(http[^"]+)"', farewell.text)
    assert address is not None
    assert await browser.sign_out(unescape(address[1])) == f"{ORIGIN}/"
    assert (await client.get("/api/v1/me")).status_code == 401

    await _enter(client, browser)
    assert browser.asked[2:] == ["login", "consent"], "the provider's session is over"


async def test_an_answer_that_lost_its_issuer_is_refused(client, runtime, issuer, browser) -> None:
    _use(runtime, issuer, "RS256")
    started = await client.get("/auth/start")
    back = urlsplit(await browser.sign_in(started.headers["location"], "ada"))
    query = {name: values[0] for name, values in parse_qs(back.query).items() if name != "iss"}
    assert (await client.get("/auth/callback", params=query)).status_code == 400
    assert (await client.get("/api/v1/me")).status_code == 401


async def test_a_wrong_secret_signs_nobody_in(client, runtime, issuer, browser) -> None:
    _use(runtime, issuer, "PS256")
    oidc = msgspec.structs.replace(runtime.settings.oidc, client_secret=RESERVED.replace("+", " "))
    runtime.settings = msgspec.structs.replace(runtime.settings, oidc=oidc)
    started = await client.get("/auth/start")
    back = urlsplit(await browser.sign_in(started.headers["location"], "ada"))
    assert (await client.get(f"{back.path}?{back.query}")).status_code == 400


async def test_a_person_who_says_no_is_told_so(client, runtime, issuer) -> None:
    _use(runtime, issuer, "RS256")
    started = await client.get("/auth/start")
    async with plain_client(10) as browser:
        answer = await browser.get(started.headers["location"])
        page = await browser.get(str(answer.url.join(answer.headers["location"])))
        abort = re.search(r'href="([^"]+/abort)"', page.text)
        assert abort is not None
        answer = await browser.get(str(page.url.join(abort[1])))
        while "/auth/callback" not in answer.headers["location"]:
            answer = await browser.get(str(answer.url.join(answer.headers["location"])))
    back = urlsplit(answer.headers["location"])
    assert parse_qs(back.query)["error"] == ["access_denied"]
    answer = await client.get(f"{back.path}?{back.query}")
    assert answer.status_code == 400 and "did not sign you in" in answer.text
