"""Every list and look of every group against the running application, as a table and as JSON; changes of the team."""

import json

import pytest

from tests.cli.conftest import sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
LOOKS = (
    "skus", "images", "ls", "balance", "ledger", "usage", "usage --by day", "usage --by sku", "keys ls", "team ls",
    "projects ls", "accounts ls", "inbox", "inbox --read", "events", "webhooks ls", "storage namespaces", "storage ls",
    "apps ls", "apps catalog", "whoami",
)  # fmt: skip
OPERATOR_LOOKS = (
    "admin fleet", "admin nodes ls", "admin machines ls", "admin machines ls --all --stuck", "admin customers ls",
    "admin payments ls", "admin audit", "admin audit --format csv", "admin policies ls",
)  # fmt: skip


@pytest.mark.parametrize("json_too", [False, True])
async def test_every_look_of_a_customer_works(here, ada, json_too: bool) -> None:
    for words in LOOKS:
        status, out, err = await here(f"{words} --json" if json_too else words)
        assert status == 0, (words, err)
        if json_too and words != "events":
            json.loads(out)
        elif words not in ("events",):
            assert out.strip(), words


async def test_every_look_of_an_operator_works_and_is_refused_to_a_customer(berth, here, sign_in_as) -> None:
    await sign_in(berth, await sign_in_as("olga", operator=True))
    for words in OPERATOR_LOOKS:
        status, out, err = await here(words)
        assert status == 0, (words, err)
    status, out, _ = await here("admin policies ls --json")
    assert "auth.session_hours" in {item["key"] for item in json.loads(out)["items"]}
    status, _, err = await here("admin policies set auth.session_hours 10 --reason test")
    assert status == 0, err
    await sign_in(berth, await sign_in_as("ben"))
    assert (await here("admin fleet"))[0] == 4


async def test_the_team_is_changed_by_words(here, ada) -> None:
    for words in (
        "team invite ben@example.com --role tenant_member",
        "team revoke ben@example.com",
        "projects add vision",
        "accounts add ci --project vision",
        "accounts disable ci --yes",
    ):
        status, _, err = await here(words)
        assert status == 0, (words, err)
    status, out, _ = await here("projects ls")
    assert "vision" in out
    assert (await here("team rm nobody@example.com --yes"))[0] == 5
    status, out, err = await here("accounts ls")
    assert "No service accounts" in out
