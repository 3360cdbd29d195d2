"""The billing pages and the JSON API: figures, the ledger's lines, explanations, and other people's ids."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from app.shared.money import charge
from tests.domains.billing.books import RATE, USD, Books
from tests.fixtures.app import Browser, SignIn, tenant_of

pytestmark = pytest.mark.commits


@pytest.fixture
async def ada(sign_in_as: SignIn) -> Browser:
    return await sign_in_as("ada")


@pytest.fixture
async def hers(books: Books, ada: Browser) -> Books:
    """Ada's organisation, with $100."""
    books.tenant_id = tenant_of(ada)
    assert ada.actor.project_id is not None
    books.project_id = ada.actor.project_id
    return await books.open(credit=100 * USD)


async def test_a_new_organisation_sees_zero_and_the_first_step(ada: Browser) -> None:
    page = await ada.client.get("/billing")
    assert page.status_code == 200
    assert "No transactions yet" in page.text
    assert (await ada.client.get("/api/v1/billing/balance")).json()["available"] == 0


async def test_the_page_shows_balance_hold_burn_and_one_line_per_machine_and_hour(ada: Browser, hers: Books) -> None:
    await hers.run()
    for _ in range(6):
        await hers.tick(10)
    page = (await ada.client.get("/billing")).text
    available = 100 * USD - 2 * RATE - charge(RATE, 60)
    assert f"${available / USD:.2f}" in page
    assert "$36.80" in page and "$18.40" in page
    assert page.count("Use of train-07") == 1
    assert "6 postings in this hour" in page
    assert "Held for train-07" in page and "Credit added by card" in page
    assert (await ada.client.get("/billing/now", headers={"hx-request": "true"})).text.count("<html") == 0
    assert "money-pill" in (await ada.client.get("/billing/pill", headers={"hx-request": "true"})).text


async def test_the_ledger_pages_through_everything_once(ada: Browser, hers: Books) -> None:
    for number in range(30):
        await hers.credit(USD, f"payment:{number}")
    first = (await ada.client.get("/billing")).text
    cursor = first.split("/billing/ledger?cursor=")[1].split('"')[0]
    second = (await ada.client.get("/billing/ledger", params={"cursor": cursor})).text
    seen = [page.count("/billing/ledger/") for page in (first, second)]
    assert seen == [25, 6]
    links = {part.split('"')[0] for page in (first, second) for part in page.split('href="/billing/ledger/')[1:]}
    assert len(links) == 31
    assert (await ada.client.get("/billing/ledger", params={"cursor": "nonsense"})).status_code == 422


async def test_a_charge_is_explained_down_to_seconds_rate_and_rounding(ada: Browser, hers: Books) -> None:
    await hers.run()
    await hers.tick(10)
    await hers.tick(11)
    [(transaction_id,)] = await hers.rows(
        "SELECT id FROM billing.ledger_transactions WHERE kind = 'usage' ORDER BY id LIMIT 1"
    )
    page = (await ada.client.get(f"/billing/ledger/{transaction_id}")).text
    assert "$0.107333" in page  # 21 s at $18.40/h
    assert "$0.051111" in page and "$0.056222" in page
    assert "Berth, for usage" in page


async def test_other_peoples_transactions_do_not_exist(ada: Browser, hers: Books, sign_in_as: SignIn) -> None:
    ben = await sign_in_as("ben")
    transaction_id = await hers.credit(USD)
    missing = await ben.client.get(f"/billing/ledger/{uuid4()}")
    foreign = await ben.client.get(f"/billing/ledger/{transaction_id}")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert (await ben.client.get("/api/v1/billing/ledger")).json()["items"] == []
    assert (await ada.client.get(f"/billing/ledger/{transaction_id}")).status_code == 200


async def test_the_api_pages_and_filters_transactions(ada: Browser, hers: Books) -> None:
    allocation_id = await hers.run()
    for _ in range(3):
        await hers.tick(10)
    first = (await ada.client.get("/api/v1/billing/ledger", params={"limit": 2})).json()
    rest = (await ada.client.get("/api/v1/billing/ledger", params={"cursor": first["next_cursor"]})).json()
    assert [item["kind"] for item in first["items"] + rest["items"]] == ["usage"] * 3 + ["hold", "payment"]
    assert rest["next_cursor"] is None
    caused = (await ada.client.get("/api/v1/billing/ledger", params={"cause": str(allocation_id)})).json()
    assert len(caused["items"]) == 4
    assert (await ada.client.get("/api/v1/billing/ledger", params={"limit": 0})).status_code == 422
    assert (await ada.client.get("/api/v1/billing/ledger", params={"kind": "theft"})).status_code == 422


async def test_usage_of_a_period_sums_up_to_what_was_posted(ada: Browser, hers: Books) -> None:
    start = hers.clock.instant
    allocation_id = await hers.run()
    await hers.tick(600)
    await hers.stop(allocation_id)
    period = {"from": start.isoformat(), "to": hers.clock.advance(3_600).isoformat()}
    report = (await ada.client.get("/api/v1/billing/usage", params=period)).json()
    assert report["total"] == charge(RATE, 600)
    assert [(UUID(line["allocation_id"]), line["seconds"]) for line in report["items"]] == [(allocation_id, 600)]
    backwards = {"from": period["to"], "to": period["from"]}
    assert (await ada.client.get("/api/v1/billing/usage", params=backwards)).status_code == 422
    without_zone = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00"}
    assert (await ada.client.get("/api/v1/billing/usage", params=without_zone)).status_code == 422


async def test_costs_and_receipts_agree_with_the_ledger(hers: Books) -> None:
    from app.domains.billing import public
    from app.shared.authz.actor import SYSTEM

    allocation_id = await hers.run()
    for _ in range(5):
        await hers.tick(1_000)
    hers.clock.advance(7)
    async with hers.runtime.context(SYSTEM) as ctx:
        costs = await public.costs_of(ctx, [allocation_id, uuid4()])
        receipt = await public.receipt(ctx, allocation_id)
    assert receipt is not None and set(costs) == {allocation_id}
    cost = costs[allocation_id]
    assert (cost.total, cost.seconds, cost.held) == (charge(RATE, 5_007), 5_007, 2 * RATE)
    assert (receipt.total, receipt.seconds, len(receipt.lines)) == (charge(RATE, 5_000), 5_000, 2)
