"""Usage by day, type, project and machine: sums to the micro-unit what the ledger says, and nobody else's."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from app.domains.auth import public as auth
from app.domains.billing import public
from app.domains.billing.contracts import PostAdjustment
from app.domains.billing.rules import periods
from app.domains.billing.rules.usage import UsageQuery
from app.domains.billing.schemas.charts import balance_chart, burn_chart
from app.domains.billing.service import balances, usage
from app.domains.billing.service.history import history
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context
from app.shared.formats import money
from app.shared.money import Micro, charge
from tests.domains.billing.books import RATE, USD, Books
from tests.fixtures.app import Browser, SignIn, tenant_of
from tests.fixtures.statements import statements

pytestmark = pytest.mark.commits
PERIOD = {"from": "2026-03-01", "to": "2026-04-02"}  # Berlin changes its clock on 29 March


ROWS_READ = """
    SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint FROM pg_stat_xact_user_tables
    WHERE schemaname = 'billing' AND relname LIKE 'usage_records%'
"""


@pytest.fixture
async def ada(sign_in_as: SignIn) -> Browser:
    return await sign_in_as("ada")


@pytest.fixture
async def hers(books: Books, ada: Browser) -> Books:
    """Ada's organisation in Berlin, with three machines that ran across midnights and a change of the clock."""
    books.tenant_id = tenant_of(ada)
    assert ada.actor.project_id is not None
    books.project_id = ada.actor.project_id
    await books.rows(
        "UPDATE auth.tenants SET time_zone = 'Europe/Berlin' WHERE id = :id RETURNING id", id=books.tenant_id
    )
    await books.open(credit=50_000 * USD)
    for days, readings in ((0, 5), (26, 7), (1, 1)):
        books.clock.advance(days * 86_400 + 1_234)
        machine = await books.run()
        for _ in range(readings):
            await books.tick(6 * 3_600)
        books.clock.advance(777)
        await books.stop(machine)
    return books


async def _posted(ctx: Context) -> Micro:
    assert ctx.actor.tenant_id is not None
    return (await balances.get_funds(ctx, ctx.actor.tenant_id)).total


async def test_every_grouping_sums_up_to_what_was_posted(ada: Browser, hers: Books) -> None:
    [(posted, seconds)] = await hers.rows("SELECT sum(amount)::bigint, sum(seconds)::bigint FROM billing.usage_records")
    [(revenue,)] = await hers.rows(
        "SELECT sum(e.amount)::bigint FROM billing.ledger_entries e"
        " JOIN billing.ledger_accounts a ON a.id = e.account_id WHERE a.kind = 'revenue'"
    )
    for by in ("day", "sku", "project", "machine"):
        answer = (await ada.client.get("/api/v1/usage", params={**PERIOD, "by": by})).json()
        assert answer["total"] == posted == revenue
        assert sum(line["amount"] for line in answer["items"]) == posted
        assert sum(line["seconds"] for line in answer["items"]) == answer["seconds"] == seconds
        assert answer["gpu_seconds"] == 8 * answer["seconds"]
    assert len(answer["items"]) == 3
    assert answer["time_zone"] == "Europe/Berlin"


async def test_a_day_is_a_day_of_the_organisations_calendar(ada: Browser, hers: Books) -> None:
    answer = (await ada.client.get("/api/v1/usage", params={**PERIOD, "by": "day"})).json()
    by_day = {line["key"]: line for line in answer["items"]}
    assert list(by_day) == sorted(by_day)
    assert len(by_day) == 32
    assert by_day["2026-03-01"]["amount"] == 0
    assert by_day["2026-03-02"]["seconds"] == 14 * 3_600 - 1_234  # from 10:20:34 to midnight, in Berlin
    assert by_day["2026-03-03"]["seconds"] == 30 * 3_600 + 777 - (14 * 3_600 - 1_234)
    assert by_day["2026-03-29"]["seconds"] <= 23 * 3_600


async def test_days_in_any_pieces_cost_what_the_whole_costs(ada: Browser, hers: Books) -> None:
    whole = (await ada.client.get("/api/v1/usage", params=PERIOD)).json()["total"]
    parts = 0
    for first, end in (("2026-03-01", "2026-03-03"), ("2026-03-03", "2026-03-29"), ("2026-03-29", "2026-04-02")):
        parts += (await ada.client.get("/api/v1/usage", params={"from": first, "to": end})).json()["total"]
    assert parts == whole


async def test_what_runs_counts_up_to_this_second(ada: Browser, hers: Books) -> None:
    await hers.run()
    hers.clock.advance(100)
    answer = (await ada.client.get("/api/v1/usage", params={"by": "machine"})).json()
    assert charge(RATE, 100) in [line["amount"] for line in answer["items"]]


async def test_a_period_that_is_too_long_is_refused_in_words(ada: Browser) -> None:
    for period in ({"from": "2020-01-01", "to": "2026-01-01"}, {"from": "2026-01-02", "to": "2026-01-01"}):
        answer = await ada.client.get("/api/v1/usage", params=period)
        assert answer.status_code == 422
        assert answer.json()["error"]["details"]["fields"]["to"]
    assert (await ada.client.get("/api/v1/usage", params={"from": "9999-12-31"})).status_code == 422
    assert (await ada.client.get("/billing/usage", params={"until": "9999-12-31"})).status_code == 422


async def test_other_peoples_usage_is_not_there(hers: Books, sign_in_as: SignIn) -> None:
    ben = await sign_in_as("ben")
    assert (await ben.client.get("/api/v1/usage", params={**PERIOD, "by": "machine"})).json()["items"] == []


async def test_the_names_of_all_projects_are_one_statement(ada: Browser, hers: Books) -> None:
    for _ in range(3):
        hers.project_id = uuid4()  # of projects that are gone
        await hers.run()
    hers.clock.advance(100)
    async with hers.runtime.context(ada.actor) as ctx:
        with statements(hers.runtime, "auth.projects") as seen:
            lines = (await usage.summary(ctx, UsageQuery(by="project"))).lines
        own = (await auth.project(ctx, ada.actor.project_id)).name
    assert {line.name for line in lines} == {
        own if line.key == str(ada.actor.project_id) else line.key[-8:] for line in lines
    }
    assert (len(lines), len(seen)) == (4, 1)


async def test_the_page_says_it_in_a_sentence_draws_it_and_lists_it(ada: Browser, hers: Books) -> None:
    hers.clock.advance(0)
    page = (await ada.client.get("/billing/usage")).text
    assert "You spent $" in page and "in the last 30 days" in page
    assert "data-chart=" in page and "Spend per day as a table" in page and "GPU-hours per day as a table" in page
    assert "dist/charts.js" in page
    assert "charts.js" not in (await ada.client.get("/billing/ledger")).text
    assert "train-07" in (await ada.client.get("/billing/usage", params={"by": "machine"})).text


async def test_the_balance_walks_back_to_what_the_ledger_held_then(ada: Browser, hers: Books) -> None:
    async with hers.runtime.context(hers.actor) as ctx:
        chart = balance_chart(await history(ctx, await _posted(ctx)))
    berlin = ZoneInfo("Europe/Berlin")
    starts = periods.day_buckets(periods.last_days(hers.clock.instant, berlin), berlin).edges
    for end, drawn in zip(starts[1:], chart.series[0].values, strict=True):
        [(held, late)] = await hers.rows(
            "SELECT coalesce(sum(funds_change) FILTER (WHERE t.occurred_at < :end), 0)::bigint,"
            " coalesce(sum(billing.charge(u.rate, u.elapsed + extract(epoch FROM :end - u.from_at)::bigint)"
            " - billing.charge(u.rate, u.elapsed)) FILTER (WHERE u.from_at < :end AND u.to_at >= :end), 0)::bigint"
            " FROM billing.ledger_transactions t LEFT JOIN billing.usage_records u ON u.transaction_id = t.id",
            end=end,
        )
        assert drawn == held - late  # a reading after midnight holds seconds of the day before
    assert f"You have {money(chart.series[0].values[-1] or 0)} now" in chart.summary


async def test_every_month_begins_with_what_the_one_before_left(ada: Browser, hers: Books) -> None:
    hers.clock.advance(40 * 86_400)
    await hers.run()
    hers.clock.advance(5_000)
    months = (await ada.client.get("/api/v1/billing/statements")).json()["items"]
    assert [month["month"] for month in months] == ["2026-05-01", "2026-04-01", "2026-03-01"]
    for month in months:
        assert month["closing"] == month["opening"] + month["added"] - month["returned"] - month["charged"]
    for later, earlier in pairwise(months):
        assert later["opening"] == earlier["closing"]
    [(present, charged)] = await hers.rows(
        "SELECT sum(funds_change)::bigint, (-sum(funds_change) FILTER (WHERE kind = 'usage'))::bigint"
        " FROM billing.ledger_transactions"
    )
    assert (months[0]["closing"], months[-1]["opening"]) == (present, 0)
    assert sum(month["charged"] for month in months) == charged
    page = (await ada.client.get("/billing/statements")).text
    assert "May 2026" in page and "so far" in page and "March 2026" in page
    rows = list(csv.DictReader(io.StringIO((await ada.client.get("/api/v1/billing/statements.csv")).text)))
    assert [int(row["closing"].replace(".", "")) for row in rows] == [month["closing"] for month in months]


async def test_what_was_not_charged_is_in_no_statement(ada: Browser, books: Books) -> None:
    """Credit ended while a machine ran: the rest of its use was ours to bear."""
    books.tenant_id = tenant_of(ada)
    await books.open(credit=10 * USD)
    machine = await books.run(rate=20 * USD, hold=USD)
    await books.tick(3_600)
    await books.stop(machine)
    [month] = (await ada.client.get("/api/v1/billing/statements")).json()["items"]
    assert (month["added"], month["charged"], month["closing"]) == (10 * USD, 10 * USD, 0)
    async with books.runtime.context(books.actor) as ctx:
        chart = balance_chart(await history(ctx, await _posted(ctx)))
    assert chart.series[0].values[-2:] == (0, 0)


async def test_a_correction_downwards_is_counted_once(ada: Browser, books: Books) -> None:
    books.tenant_id = tenant_of(ada)
    await books.open(credit=10 * USD)
    books.clock.advance(86_400)
    async with books.runtime.context(SYSTEM) as ctx:
        await public.post_adjustment(
            ctx,
            PostAdjustment(tenant_id=books.tenant_id, adjustment_id=uuid4(), amount=Micro(-3 * USD), currency="USD"),
        )
    [month] = (await ada.client.get("/api/v1/billing/statements")).json()["items"]
    assert (month["opening"], month["added"], month["returned"]) == (0, 10 * USD, 3 * USD)
    assert (month["charged"], month["closing"]) == (0, 7 * USD)
    async with books.runtime.context(books.actor) as ctx:
        chart = balance_chart(await history(ctx, await _posted(ctx)))
    assert chart.series[0].values[-3:] == (0, 10 * USD, 7 * USD)


async def test_before_the_first_credit_there_is_no_statement(ada: Browser, books: Books) -> None:
    assert "No statement yet" in (await ada.client.get("/billing/statements")).text
    assert (await ada.client.get("/api/v1/billing/statements")).json()["items"] == []


async def test_the_burn_is_the_sum_of_what_ran_at_that_hour(ada: Browser, hers: Books) -> None:
    await hers.run(rate=1_000_000)
    await hers.run(rate=2_000_000)
    hers.clock.advance(2 * 3_600)
    async with hers.runtime.context(hers.actor) as ctx:
        chart = burn_chart(await history(ctx, await _posted(ctx)))
    assert chart.series[0].values[-1] == chart.series[0].values[-2] == 3_000_000
    assert chart.summary.endswith("$3.00/h now.")
    assert "Burn rate at each full hour as a table" in (await ada.client.get("/billing")).text


async def test_nothing_used_is_said_too(ada: Browser, books: Books) -> None:
    page = (await ada.client.get("/billing/usage")).text
    assert "You spent nothing in the last 30 days." in page
    assert "No usage in this period" in page


async def test_the_files_hold_the_same_figures_and_no_formula(ada: Browser, hers: Books) -> None:
    await hers.hold(USD, label="=cmd|' /C calc'!A0")
    answer = await ada.client.get("/api/v1/usage.csv", params=PERIOD)
    assert answer.headers["content-disposition"] == 'attachment; filename="berth-usage.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    total = (await ada.client.get("/api/v1/usage", params=PERIOD)).json()["total"]
    assert sum(int(row["amount"].replace(".", "")) for row in rows) == total
    ledger = list(csv.DictReader(io.StringIO((await ada.client.get("/api/v1/billing/ledger.csv")).text)))
    [(count, change)] = await hers.rows("SELECT count(*), sum(funds_change)::bigint FROM billing.ledger_transactions")
    assert len(ledger) == count
    assert sum(int(row["change"].replace(".", "")) for row in ledger) == change
    assert not any(row["title"].startswith("=") for row in ledger)


@pytest.mark.slow
async def test_the_sums_read_no_usage_record(ada: Browser, hers: Books) -> None:
    """However often the meters were read: charges are cumulative. PostgreSQL counts the rows that were read."""
    for _ in range(40):
        await hers.run(rate=1_000)
    for _ in range(20):
        await hers.tick(60)
    async with hers.runtime.context(ada.actor) as ctx:
        before = int(await ctx.session.scalar(text(ROWS_READ)) or 0)
        assert len((await usage.summary(ctx, UsageQuery(by="machine"))).lines) >= 40
        assert int(await ctx.session.scalar(text(ROWS_READ)) or 0) == before
        records = int(await ctx.session.scalar(text("SELECT count(*) FROM billing.usage_records")) or 0)
        assert int(await ctx.session.scalar(text(ROWS_READ)) or 0) - before == records >= 40 * 20
