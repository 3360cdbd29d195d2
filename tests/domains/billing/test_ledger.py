"""What the database itself refuses, and what `verify` finds when somebody got around it."""

from __future__ import annotations

import random
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from app.domains.billing.jobs import run_checkpoints, run_days, run_seal
from app.domains.billing.public import render_verify_report
from app.domains.billing.rules import holds
from app.shared.money import Micro, RateMicroPerHour, charge
from tests.domains.billing.books import USD, Books
from tests.fixtures.postgres import DatabaseUrls

pytestmark = pytest.mark.commits

TABLES = ("ledger_accounts", "ledger_transactions", "ledger_entries", "ledger_seals", "usage_records")
RECOMPUTE = Path(__file__).with_name("recompute.sql").read_text("utf-8")


async def _busy(books: Books) -> UUID:
    """Some life: payments, a promotion, machines that ran out of money, seals, checkpoints."""
    await books.open(credit=60 * USD)
    await books.credit(5 * USD, source="promotion")
    first = await books.run(rate=7_777_777, hold=5 * USD)
    second = await books.run(rate=999_999, hold=2 * USD)
    for seconds in (10, 1, 7, 3_333, 20_011):
        await books.tick(seconds)
        await run_seal(books.runtime, {})
    await books.stop(second)
    await books.tick(9_999)
    await run_seal(books.runtime, {})
    return first


async def test_a_busy_ledger_adds_up_and_plain_sql_agrees(books: Books) -> None:
    await _busy(books)
    report = await books.verify()
    assert report.ok, render_verify_report(report)
    assert {check.name: check.examined for check in report.checks}["the seals are whole"] == 4
    differences = [row[3] for row in await books.rows(RECOMPUTE)]
    assert differences == [0, 0]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ["app", "owner"])
async def test_nobody_changes_or_deletes_what_was_written(
    books: Books, database: DatabaseUrls, table: str, role: str
) -> None:
    await _busy(books)
    column = {"ledger_accounts": "currency", "ledger_transactions": "kind", "ledger_seals": "entries"}
    name = column.get(table, "amount")
    with psycopg.connect(getattr(database, role), autocommit=True) as connection:
        for statement in (
            f"UPDATE billing.{table} SET {name} = {name}",
            f"DELETE FROM billing.{table}",
            f"TRUNCATE billing.{table} CASCADE",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


async def _accounts(books: Books) -> dict[str, int]:
    rows = await books.rows("SELECT kind, id FROM billing.ledger_accounts")
    return {str(kind): int(number) for kind, number in rows}  # type: ignore[call-overload]


TRANSACTION = """
    INSERT INTO billing.ledger_transactions (id, occurred_at, kind, reference, cause_id, tenant_id, currency,
                                             funds_change, held_change, correlation_id)
    VALUES (%(id)s, now(), 'payment', %(reference)s, %(id)s, %(tenant)s, 'USD', %(funds)s, 0, 'test')
"""
ENTRIES = """
    INSERT INTO billing.ledger_entries (account_id, amount, transaction_id)
    SELECT account_id, amount, %(id)s FROM unnest(%(accounts)s::bigint[], %(amounts)s::bigint[]) e (account_id, amount)
"""


def _values(books: Books, accounts: dict[str, int], amounts: dict[str, int], funds: int = USD) -> dict[str, object]:
    transaction_id = uuid4()
    return {
        "id": transaction_id,
        "reference": f"test:{transaction_id}",
        "tenant": books.tenant_id,
        "funds": funds,
        "accounts": [accounts[kind] for kind in amounts],
        "amounts": list(amounts.values()),
    }


@pytest.mark.parametrize(
    "amounts",
    [
        {},
        {"customer_credit": USD},
        {"customer_credit": USD, "payment_clearing": -USD + 1},
        {"customer_credit": 2 * USD, "payment_clearing": -2 * USD},
    ],
    ids=["no entries", "one entry", "not zero", "not what the transaction says"],
)
async def test_a_transaction_that_does_not_balance_is_refused(
    books: Books, database: DatabaseUrls, amounts: dict[str, int]
) -> None:
    await books.open()
    values = _values(books, await _accounts(books), amounts)
    with psycopg.connect(database.app) as connection:
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"WITH t AS ({TRANSACTION}) {ENTRIES}", values)


async def test_a_transaction_is_written_whole_in_one_statement(books: Books, database: DatabaseUrls) -> None:
    """Entries that come later, even in the same database transaction and in balance, could alter what was checked."""
    await books.open()
    values = _values(books, await _accounts(books), {"customer_credit": USD, "payment_clearing": -USD})
    with psycopg.connect(database.app) as connection:
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute(TRANSACTION, values)
        connection.execute(f"WITH t AS ({TRANSACTION}) {ENTRIES}", values)
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute(ENTRIES, values)
    assert (await books.verify()).ok


async def test_no_entry_is_added_to_a_transaction_of_the_past(books: Books, database: DatabaseUrls) -> None:
    await books.open(credit=USD)
    accounts = await _accounts(books)
    [(transaction_id,)] = await books.rows("SELECT id FROM billing.ledger_transactions")
    with psycopg.connect(database.app) as connection:
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute(
                "INSERT INTO billing.ledger_entries (account_id, amount, transaction_id)"
                " VALUES (%(credit)s, 5, %(id)s), (%(clearing)s, -5, %(id)s)",
                {"credit": accounts["customer_credit"], "clearing": accounts["payment_clearing"], "id": transaction_id},
            )


@pytest.mark.parametrize(("from_second", "seconds"), [(10, 10), (25, 5), (15, 10), (0, 20)])
async def test_usage_with_a_gap_or_an_overlap_is_refused(
    books: Books, database: DatabaseUrls, from_second: int, seconds: int
) -> None:
    await books.open(credit=100 * USD)
    await books.run()
    await books.tick(20)
    with psycopg.connect(database.app) as connection:
        with pytest.raises((psycopg.errors.ExclusionViolation, psycopg.errors.UniqueViolation)):
            connection.execute(
                "INSERT INTO billing.usage_records (from_at, to_at, elapsed, seconds, rate, amount, allocation_id,"
                " tenant_id, project_id, sku_id, price_version_id, transaction_id)"
                " SELECT from_at + make_interval(secs => %(from)s), from_at + make_interval(secs => %(from)s + %(n)s),"
                " %(from)s, %(n)s, rate, billing.charge(rate, %(from)s + %(n)s) - billing.charge(rate, %(from)s),"
                " allocation_id, tenant_id, project_id, sku_id, price_version_id, transaction_id"
                " FROM billing.usage_records",
                {"from": from_second, "n": seconds},
            )


PLANTED = {
    "every transaction balances": "UPDATE billing.ledger_entries SET amount = amount + 1 WHERE id = 1",
    "every entry has its transaction": "DELETE FROM billing.ledger_transactions WHERE kind = 'promotion'",
    "checkpoints equal": "UPDATE billing.ledger_checkpoints SET balance = balance - 1",
    "usage tiles": "UPDATE billing.usage_records SET from_at = from_at - interval '1 s', seconds = seconds + 1,"
    " amount = billing.charge(rate, elapsed + seconds + 1) - billing.charge(rate, elapsed) WHERE id = 3",
    "revenue equals": "DELETE FROM billing.usage_records WHERE id = 1",
    "every usage record was posted": "UPDATE billing.usage_records SET transaction_id = uuidv7() WHERE id = 2",
    "every hold belongs": "UPDATE billing.ledger_entries SET hold_id = uuidv7() WHERE id ="
    " (SELECT max(id) FROM billing.ledger_entries WHERE hold_id IS NOT NULL)",
    "the seals": "UPDATE billing.ledger_transactions SET occurred_at = occurred_at + interval '1 s'"
    " WHERE kind = 'promotion'",
    "closed days cost": "UPDATE billing.daily_usage SET amount = amount + 1 WHERE day = '2026-03-02'",
    "every write-off": "DELETE FROM billing.write_offs",
    "usage costs": "UPDATE billing.metered_allocations SET rate = rate + 1",
}


@pytest.mark.parametrize("check", PLANTED)
async def test_verify_finds_what_a_superuser_altered_behind_our_back(
    books: Books, database: DatabaseUrls, check: str
) -> None:
    await _busy(books)
    await books.rows(
        "INSERT INTO shared.policy_values (id, key, value) VALUES (uuidv7(), 'billing.checkpoint_entries', '1')"
        " RETURNING key"
    )
    await run_checkpoints(books.runtime, {})
    books.clock.advance(2 * 86_400)
    await books.tick()
    await run_days(books.runtime, {})
    assert (await books.verify()).ok
    with psycopg.connect(database.superuser) as connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute(PLANTED[check]).rowcount > 0
    report = await books.verify()
    assert not report.ok
    assert any(finding.check.startswith(check) for finding in report.findings), render_verify_report(report)


async def test_a_seal_never_passes_a_transaction_that_is_still_open(books: Books, database: DatabaseUrls) -> None:
    await books.open(credit=USD)
    with psycopg.connect(database.app) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        await books.credit(USD)
        await run_seal(books.runtime, {})
        [(sealed,)] = await books.rows("SELECT coalesce(sum(entries), 0) FROM billing.ledger_seals")
        assert sealed == 2
    await run_seal(books.runtime, {})
    assert await books.rows("SELECT sum(entries) FROM billing.ledger_seals") == [(4,)]
    assert (await books.verify()).ok


@pytest.mark.parametrize("seed", range(4))
async def test_the_one_statement_of_the_tick_spends_as_the_rule_says(books: Books, seed: int) -> None:
    dice = random.Random(seed)
    await books.open(credit=30 * USD)
    await books.credit(dice.randrange(1, 6 * USD), source="promotion")
    machines = []
    for _ in range(4):
        rate, hold = dice.randrange(1, 20 * USD), dice.randrange(1, 5 * USD)
        machines.append((await books.run(rate=rate, hold=hold), RateMicroPerHour(rate), hold))
    before = await books.balance()
    seconds = dice.randrange(600, 9_000)
    await books.tick(seconds)
    promotions, credit, written_off, left = before.promotions, before.credit, 0, 0
    for _, rate, hold in sorted(machines, key=lambda machine: machine[0]):
        debit = holds.split_charge(charge(rate, seconds), promotions, credit, Micro(hold))
        promotions, credit = Micro(promotions - debit.promotions), Micro(credit - debit.credit)
        written_off, left = written_off + debit.written_off, left + hold - debit.hold
    after = await books.balance()
    assert (after.promotions, after.credit, after.held) == (promotions, credit, left)
    assert await books.rows("SELECT balance FROM billing.balances WHERE kind = 'write_off'") == [(-written_off,)]
    assert (await books.verify()).ok
