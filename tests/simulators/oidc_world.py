"""A running simulated identity provider as the product sees it: Authlib for the protocol, joserfc for the ID token."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

from devstack.simulators.__main__ import Config
from tests.simulators.harness import plain_client, running

REDIRECT_URI = "http://localhost:8000/auth/callback"
AFTER_LOGOUT = "http://localhost:8000/"
SECRET = "simulated:secret/with+signs"


class Clock:
    """Unix time in the test's hands."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Attempt:
    """One sign-in under way."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass
class World:
    """Everything around one provider."""

    issuer: str
    client: AsyncOAuth2Client
    browser: httpx2.AsyncClient
    clock: Clock
    metadata: dict[str, object]

    async def fault(self, name: str, **spec: object) -> None:
        answer = await self.browser.put(f"{self.issuer}/_faults/{name}", json=spec)
        assert answer.status_code == 200

    def begin(self, scope: str = "openid profile email offline_access", **more: str) -> Attempt:
        """An authorization request as Authlib makes it."""
        nonce, verifier = generate_token(24), generate_token(48)
        self.client.scope = scope
        url, state = self.client.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, **more
        )
        return Attempt(url, state, nonce, verifier)

    async def choose(self, attempt: Attempt, **form: str) -> str:
        """Press a button of the sign-in page (ada's, if nothing is said); returns the address it leads back to."""
        answer = await self.browser.post(attempt.url, data=form or {"sub": "ada"})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def fetch(self, attempt: Attempt, back: str, **more: str) -> dict[str, object]:
        """Trade the code for tokens."""
        token = await self.client.fetch_token(
            self.metadata["token_endpoint"],
            authorization_response=back,
            state=attempt.state,
            code_verifier=more.get("verifier", attempt.verifier),
        )
        return dict(token)

    async def sign_in(self, **form: str) -> tuple[Attempt, dict[str, object]]:
        attempt = self.begin()
        return attempt, await self.fetch(attempt, await self.choose(attempt, **form))

    async def claims(self, id_token: object, attempt: Attempt) -> dict[str, object]:
        """The claims, checked as a careful client does; raises joserfc's errors."""
        keys = KeySet.import_key_set((await self.browser.get(str(self.metadata["jwks_uri"]))).json())
        token = jwt.decode(str(id_token), keys, algorithms=["RS256"])
        assert token.header["typ"] == "JWT"
        registry = jwt.JWTClaimsRegistry(
            now=int(self.clock.now),
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": "berth"},
            nonce={"essential": True, "value": attempt.nonce},
            exp={"essential": True},
            iat={"essential": True},
        )
        registry.validate(token.claims)
        return token.claims

    async def token_error(self, **form: str) -> tuple[int, str]:
        """What a hand-made token request is refused with."""
        answer = await self.browser.post(f"{self.issuer}/token", data=form, auth=None)
        return answer.status_code, answer.json()["error"]


def answer_of(location: str) -> dict[str, str]:
    """The query parameters the provider sent back."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def buttons(page: str) -> list[str]:
    """The subjects on the sign-in page, in order."""
    return re.findall(r'name="sub" value="([^"]*)"', page)


def oidc_config() -> Config:
    section: dict[str, object] = {
        "port": 0,
        "client_id": "berth",
        "client_secret": SECRET,
        "redirect_uri": REDIRECT_URI,
        "post_logout_redirect_uri": AFTER_LOGOUT,
    }
    return {"oidc": section}


@asynccontextmanager
async def oidc_world(data_dir: Path, config: Config | None = None, clock: Clock | None = None) -> AsyncIterator[World]:
    """Start the provider and the client."""
    clock = clock or Clock()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(running("oidc", config or oidc_config(), data_dir, now=clock))
        issuer = f"http://localhost:{port}"
        browser = await stack.enter_async_context(plain_client(5))
        client = await stack.enter_async_context(
            AsyncOAuth2Client("berth", SECRET, redirect_uri=REDIRECT_URI, code_challenge_method="S256", trust_env=False)
        )
        metadata = (await browser.get(f"{issuer}/.well-known/openid-configuration")).json()
        yield World(issuer, client, browser, clock, metadata)
