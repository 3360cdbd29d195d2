"""Who attacks: each by a bearer token that no answer of the attack can end, with the rights that they had at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from app.domains.auth.public import resolve_actor
from tests.api.changes.world import World
from tests.domains.auth.test_programs import pkce, redeem, request
from tests.domains.auth.test_tokens import _credentials, _token

if TYPE_CHECKING:
    import httpx

    from app.shared.authz import Actor
    from app.shared.context import Runtime
    from tests.fixtures.app import Browser

CALLERS = ("customer", "operator", "account")


async def token_of(who: str, w: World, client: httpx.AsyncClient) -> str:
    """A real token, which is good until the attack ends."""
    token = await _account(w, client) if who == "account" else await _person(w.people[PEOPLE[who]], client)
    _stays(w.runtime, token, await resolve_actor(w.runtime, None, token))
    return token


PEOPLE = {"customer": "ada", "operator": "olga"}


async def _person(person: Browser, client: httpx.AsyncClient) -> str:
    verifier, challenge = pkce()
    fields = request(challenge)
    del fields["response_type"]
    allowed = await person.post("/oauth/authorize", **fields)
    code = parse_qs(urlsplit(allowed.headers["location"]).query)["code"][0]
    return str((await redeem(client, code, verifier)).json()["access_token"])


async def _account(w: World, client: httpx.AsyncClient) -> str:
    return await _token(client, *await _credentials(w.people["ada"], "project_admin"))


def _stays(runtime: Runtime, token: str, actor: Actor) -> None:
    """Every other token is looked at as always."""
    others = runtime.authenticate

    async def authenticate(held: Any, cookie: str | None, bearer: str | None) -> Actor:
        return actor if bearer == token else await others(held, cookie, bearer)

    runtime.authenticate = authenticate
