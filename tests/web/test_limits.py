"""Limits count who they say they count, and nobody else."""

from __future__ import annotations

import pytest

from app.asgi import create_app
from app.shared.authz import Permission
from app.shared.rdb import connect
from app.shared.rdb.rate_limit import LIMITS, RateLimit, network_of, take
from app.web.limits import ANONYMOUS_CHANGES, SIGN_IN_CALLBACK, TOKEN_FAILURES
from tests.architecture.test_routes import UNSAFE, _routes


def test_two_limits_of_one_name_are_an_error() -> None:
    with pytest.raises(ValueError, match="money"):
        RateLimit("money", 1, 1, "person", "twice")


async def test_every_change_has_a_limit_of_the_table(runtime) -> None:
    for method, path, handler in _routes(create_app(runtime)):
        if method in UNSAFE and isinstance(handler.opt.get("permission"), Permission):
            assert LIMITS[handler.opt["rate"].name] is handler.opt["rate"], path


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unix", "-"),
    ],
)
def test_an_ipv6_host_is_its_64(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_wrong_secrets_lock_out_their_client_id_and_nobody_else(client) -> None:
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "x"}
    statuses = [(await client.post("/oauth/token", data=form)).status_code for _ in range(TOKEN_FAILURES.count + 1)]
    assert set(statuses[:-1]) == {401}
    assert statuses[-1] == 429
    assert (await client.post("/oauth/token", data={**form, "client_id": "b"})).status_code == 401
    assert (await client.get("/auth/callback?state=x&code=y")).status_code == 400


async def test_a_browser_that_began_to_sign_in_has_an_allowance_of_its_own(client, runtime) -> None:
    for _ in range(SIGN_IN_CALLBACK.count + 1):
        last = await client.get("/auth/callback?state=x&code=y")
    assert last.status_code == 429
    client.cookies.set(runtime.settings.web.cookie("login-0123456789abcdef"), "mine")
    assert (await client.get("/auth/callback?state=x&code=y")).status_code == 400


async def test_nobodys_requests_take_nothing_from_who_is_signed_in(client, sign_in_as, runtime) -> None:
    ada = await sign_in_as("ada")
    for _ in range(40):
        assert (await client.post("/api/v1/payments/credit", json={"amount": "1"})).status_code == 401
    answer = await ada.post("/billing/credit", amount="not money")
    assert answer.status_code == 422
    assert (
        (await ada.post_json("/api/v1/projects", {"name": "x"})).headers["ratelimit"].startswith('"changes";r=1199;t=')
    )
    for _ in range(ANONYMOUS_CHANGES.count):
        await take(runtime.valkey, ANONYMOUS_CHANGES, "address:127.0.0.1")
    refused = await client.post("/api/v1/payments/credit", json={"amount": "1"})
    assert (refused.status_code, refused.headers["ratelimit"][:25]) == (429, '"anonymous_changes";r=0;t')
    assert int(refused.headers["retry-after"]) >= 1
    assert (await ada.post("/billing/credit", amount="not money")).status_code == 422


async def test_without_valkey_nothing_is_counted_and_nothing_refused() -> None:
    taken = await take(connect("redis://127.0.0.1:1"), ANONYMOUS_CHANGES, "x")
    assert taken.wait == 0
