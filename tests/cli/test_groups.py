"""Every list and look of every group against the running application, as a table and as JSON; what words change."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import sign_in_here
from tests.domains.admin.test_operations import _bury as add_dead_letter
from tests.domains.inventory.stock import plant, see

SOON = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"  # windows and words are planned at most a year ahead
pytestmark = [pytest.mark.anyio, pytest.mark.commits]
LOOKS = (
    "skus", "images", "ls", "balance", "ledger", "usage", "usage --by day", "usage --by sku", "keys ls", "team ls",
    "projects ls", "accounts ls", "inbox", "inbox --read", "events", "webhooks ls", "storage namespaces", "storage ls",
    "apps ls", "apps catalog", "whoami",
)  # fmt: skip
OPERATOR_LISTS = (
    "admin fleet", "admin stuck", "admin nodes ls", "admin nodes show node-001", "admin nodes history node-001",
    "admin machines ls", "admin machines ls --all --stuck", "admin customers ls", "admin payments ls", "admin audit",
    "admin policies ls", "admin skus ls", "admin skus show h100x8", "admin prices ls", "admin prices ls h100x8",
    "admin images ls", "admin dead-letters ls", "admin dead-letters ls --all", "admin announcements ls",
)  # fmt: skip


@pytest.fixture
async def olga(berth, runtime, sign_in_as, monkeypatch):
    """An operator, signed in, in front of a catalog and one node."""
    await plant(runtime)
    await see(runtime)
    person = await sign_in_as("olga", operator=True)
    await sign_in_here(berth, person, monkeypatch)
    return person


async def test_every_look_of_a_customer_works(here, ada) -> None:
    for words in LOOKS:
        status, out, err = await here(words)
        assert status == 0, (words, err)
        assert out.strip() or words == "events", words
        status, out, err = await here(f"{words} --json")
        assert status == 0, (words, err)
        if words != "events":
            json.loads(out)


async def test_every_look_of_an_operator_works_and_is_refused_to_a_customer(
    berth, here, olga, sign_in_as, monkeypatch
) -> None:
    for words in OPERATOR_LISTS:
        status, out, err = await here(words)
        assert status == 0, (words, err)
        assert out.strip(), words
        status, out, err = await here(f"{words} --json")
        assert status == 0, (words, err)
        json.loads(out)
    assert (await here("admin audit --format csv"))[0] == 0
    status, out, _ = await here("admin policies ls --json")
    assert "auth.session_hours" in {item["key"] for item in json.loads(out)["items"]}
    status, _, err = await here("admin policies set auth.session_hours 10 --reason test")
    assert status == 0, err
    await sign_in_here(berth, await sign_in_as("ben"), monkeypatch)
    for words in ("admin fleet", "admin skus ls", "admin dead-letters ls", "admin announce Hello"):
        assert (await here(words))[0] == 4, words


async def test_an_operator_keeps_the_catalog_the_nodes_and_the_machinery(here, olga, runtime) -> None:
    await keep_the_catalog(here)
    await look_after_a_node(here)
    await announce_and_deal_with_dead_letters(here, runtime)


async def keep_the_catalog(here) -> None:
    def first(out: str) -> dict:
        return json.loads(out)[-1]

    status, out, err = await here("admin prices plan h100x8 --per-hour 19.5 --per-gpu-hour 2.45")
    assert status == 0, err
    assert "h100x8 costs 19.50 USD an hour from" in out
    planned = first((await here("admin prices ls h100x8 --json"))[1])
    assert (planned["per_hour"], planned["per_gpu_hour"], planned["state"]) == (19_500_000, 2_450_000, "announced")
    status, _, err = await here("admin prices plan h100x8 --per-hour 19.5 --per-gpu-hour 2.45 --from 2026-02-30")
    assert status == 2 and "is not a time" in err
    status, _, err = await here("admin prices plan h100x8 --per-hour cheap")
    assert status == 2 and "is not an amount" in err
    status, _, err = await here(f"admin prices withdraw {planned['id'].replace('-', '')[-8:]} --reason typo")
    assert status == 0, err
    assert first((await here("admin prices ls h100x8 --json"))[1])["state"] == "withdrawn"
    for words in (
        "admin skus add tiny --title Tiny --cpus 8 --memory-gib 32 --network-gbps 10 --disk 2x3.84TB",
        "admin skus edit tiny --title Small --not-on-sale",
        "admin images add rocky-9 --title Rocky --os centos --series rocky9",
        "admin images edit rocky-9 --retired",
    ):
        status, _, err = await here(words)
        assert status == 0, (words, err)
    tiny = json.loads((await here("admin skus show tiny --json"))[1])
    assert (tiny["title"], tiny["on_sale"], tiny["cpu_count"]) == ("Small", False, 8)
    shown = json.loads((await here("admin images ls --json"))[1])
    assert [image["retired"] for image in shown if image["code"] == "rocky-9"] == [True]
    assert (await here("admin skus edit tiny"))[0] == 2


async def look_after_a_node(here) -> None:
    for words, told in (
        ("admin nodes drain node-001 --reason disk --hours 4", "node-001 is being drained."),
        ("admin nodes history node-001", "draining"),
        ("admin nodes uncordon node-001", "node-001 is in use again."),
        (f"admin nodes maintenance node-001 --reason fans --from {SOON}T08:00Z --to {SOON}T09:00Z", "Planned"),
        ("admin nodes show node-001", "fans"),
        ("admin nodes end-maintenance node-001", "The work on node-001 is over."),
        ("admin nodes empty node-001 --reason fire --yes", "Nobody is on node-001."),
        ("admin nodes retire node-001 --reason old --yes", "node-001 is retired."),
    ):
        status, out, err = await here(words)
        assert status == 0, (words, err)
        assert told in out, words
    assert (await here("admin nodes end-maintenance node-001"))[0] == 5
    assert (await here("admin nodes power node-001 off --reason x"))[0] == 2  # nobody to ask for the name
    assert (await here("admin nodes power node-001 off --yes"))[0] == 2  # without a reason


async def announce_and_deal_with_dead_letters(here, runtime) -> None:
    status, out, err = await here(f"admin announce Maintenance --level warn --until {SOON}T08:00Z --json")
    assert status == 0, err
    made = json.loads(out)
    assert (made["text"], made["level"], made["to_at"]) == ("Maintenance", "warn", f"{SOON}T08:00:00Z")
    assert "Maintenance" in (await here("admin announcements ls"))[1]
    assert (await here(f"admin announcements withdraw {made['id'][-8:]}"))[0] == 0
    assert json.loads((await here("admin announcements ls --json"))[1])[0]["withdrawn_at"]
    assert "No dead letters." in (await here("admin dead-letters ls"))[1]
    await add_dead_letter(runtime)
    await add_dead_letter(runtime)
    first, second = (row["id"][-8:] for row in json.loads((await here("admin dead-letters ls --json"))[1])["items"])
    assert "notification.live" in (await here("admin dead-letters ls"))[1]
    assert json.loads((await here(f"admin dead-letters show {first}"))[1])["attempts"] == 8
    assert (await here("admin dead-letters redrive"))[0] == 2
    assert "Sent again: 1." in (await here(f"admin dead-letters redrive {first}"))[1]
    assert (await here(f"admin dead-letters redrive {first}"))[0] == 6
    assert (await here(f"admin dead-letters discard {second} --reason done"))[0] == 0
    assert "No dead letters." in (await here("admin dead-letters ls"))[1]
    assert "discarded" in (await here("admin dead-letters ls --all"))[1]


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
