"""How fast money is counted: the metering tick (A3), a balance read (A4), bytes per entry (A5), a full recompute (A6).

Ours and the floor run in turns on one throw-away PostgreSQL, median of three; the floors are a multi-row insert of rows
of the same shape into a bare table with one index, and `SELECT 1`. `python -m bench.ledger [--allocations N] [--json]`.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.billing.repository.accounts import AccountRepository
from app.domains.billing.repository.accrual import AccrualRepository
from app.settings import DatabaseSettings
from app.shared.clock import process_now
from app.shared.db import Database
from devstack.services.postgres import throwaway_cluster
from tests.fixtures.postgres import TestCluster

TENANTS = 200
ROUNDS = 3
SEED = """
    INSERT INTO billing.ledger_accounts (tenant_id, kind, currency, created_at)
    SELECT t, k, 'USD', :at FROM (SELECT uuidv7() AS t FROM generate_series(1, :tenants)) tenants
    CROSS JOIN unnest(ARRAY['customer_credit', 'customer_promotions', 'customer_held']) k
"""
CREDIT = """
    WITH t AS (
        INSERT INTO billing.ledger_transactions (id, occurred_at, kind, reference, cause_id, tenant_id, currency,
                                                 funds_change, held_change, correlation_id)
        SELECT uuidv7(), :at, 'payment', 'seed:' || tenant_id, uuidv7(), tenant_id, 'USD', 1000000000000, 0, 'bench'
        FROM billing.ledger_accounts WHERE kind = 'customer_credit' RETURNING id, tenant_id
    )
    INSERT INTO billing.ledger_entries (account_id, amount, transaction_id)
    SELECT a.id, CASE WHEN a.kind = 'customer_credit' THEN 1000000000000 ELSE -1000000000000 END, t.id
    FROM t JOIN billing.ledger_accounts a ON (a.kind = 'customer_credit' AND a.tenant_id = t.tenant_id)
                                          OR a.kind = 'payment_clearing'
"""
MACHINES = """
    INSERT INTO billing.metered_allocations (allocation_id, tenant_id, project_id, currency, sku_id, price_version_id,
                                             rate, metered_from, created_at)
    SELECT uuidv7(), (tenants.ids)[1 + n % :tenants], uuidv7(), 'USD', uuidv7(), uuidv7(), 18400000, :at, :at
    FROM (SELECT array_agg(tenant_id) AS ids FROM billing.ledger_accounts WHERE kind = 'customer_credit') tenants,
         generate_series(1, :machines) n
"""
FLOOR = """
    INSERT INTO floor_rows SELECT n, now(), now(), n, 10, 18400000, 51111, uuidv7(), uuidv7(), uuidv7(), uuidv7(),
                                  uuidv7(), uuidv7() FROM generate_series(1, :machines) n
"""
# The rows that the tick wrote, once more, into tables of the same shape and with the same indexes: what is left of the
# tick is its reading, rating and the checks of the ledger.
SAME_ROWS = """
    WITH used AS (
        INSERT INTO public.floor_usage SELECT * FROM billing.usage_records WHERE to_at = :until
    ), posted AS (
        INSERT INTO public.floor_transactions
        SELECT * FROM billing.ledger_transactions WHERE kind = 'usage' AND occurred_at = :until
    )
    INSERT INTO public.floor_entries
    SELECT e.* FROM billing.ledger_transactions t JOIN billing.ledger_entries e ON e.transaction_id = t.id
    WHERE t.kind = 'usage' AND t.occurred_at = :until
"""
FLOOR_TABLES = """
    CREATE TABLE public.floor_rows (LIKE billing.usage_records);
    CREATE INDEX ON public.floor_rows (id);
    CREATE TABLE public.floor_usage (LIKE billing.usage_records INCLUDING INDEXES);
    CREATE TABLE public.floor_transactions (LIKE billing.ledger_transactions INCLUDING INDEXES);
    CREATE TABLE public.floor_entries (LIKE billing.ledger_entries INCLUDING INDEXES);
    GRANT INSERT ON ALL TABLES IN SCHEMA public TO berth_app
"""
ROWS_OF_A_METER = 4  # a usage record, a transaction, two entries
SIZE = """
    SELECT sum(pg_total_relation_size(c)) FROM unnest(ARRAY['billing.ledger_entries', 'billing.ledger_transactions',
                                                            'billing.ledger_checkpoints']::regclass[]) c
"""
RECOMPUTE = "SELECT count(*) FROM (SELECT account_id, sum(amount) FROM billing.ledger_entries GROUP BY account_id) s"


async def timed(db: Database, work: Callable[[AsyncSession], Awaitable[object]]) -> float:
    """Seconds of one unit of work, its commit included."""
    begun = time.perf_counter()
    async with db.unit_of_work() as unit:
        await work(unit.session)
    return time.perf_counter() - begun


async def execute(statement: str, session: AsyncSession, **values: object) -> None:
    await session.execute(text(statement), values)


async def accrue(tenants: list[UUID], until: datetime, session: AsyncSession) -> None:
    await AccrualRepository(session).accrue(tenants, until, 10, "bench")


async def measure(db: Database, machines: int) -> dict[str, float]:
    """All figures."""
    at = process_now().replace(microsecond=0) - timedelta(hours=1)
    async with db.unit_of_work() as unit:
        run = unit.session.execute
        await AccountRepository(unit.session).append_accounts(uuid4(), "USD", at)
        await run(text(SEED), {"tenants": TENANTS - 1, "at": at})
        await run(text(CREDIT), {"at": at})
        await run(text(MACHINES), {"tenants": TENANTS, "machines": machines, "at": at})
        rows = await run(text("SELECT tenant_id FROM billing.ledger_accounts WHERE kind = 'customer_credit'"))
        tenants = [row.tenant_id for row in rows]
    ticks, floors, same, again = [], [], [], 0
    for number in range(1, ROUNDS + 1):
        until = at + timedelta(seconds=10 * number)
        floors.append(await timed(db, partial(execute, FLOOR, machines=machines)))
        ticks.append(await timed(db, partial(accrue, tenants, until)))
        same.append(await timed(db, partial(execute, SAME_ROWS, until=until)))
        async with db.unit_of_work() as unit:
            again += len(await AccrualRepository(unit.session).accrue(tenants, until, 10, "bench"))
    reads, ones = [], []
    async with db.unit_of_work() as unit:
        for number in range(600):
            begun = time.perf_counter()
            await AccountRepository(unit.session).list_funds([tenants[number % TENANTS]])
            middle = time.perf_counter()
            await unit.session.execute(text("SELECT 1"))
            reads.append(middle - begun)
            ones.append(time.perf_counter() - middle)
        entries = float(await unit.session.scalar(text("SELECT count(*) FROM billing.ledger_entries")) or 1)
        size = float(await unit.session.scalar(text(SIZE)) or 0)
        begun = time.perf_counter()
        await unit.session.execute(text(RECOMPUTE))
        recompute = time.perf_counter() - begun
    tick, floor = statistics.median(ticks), statistics.median(floors)
    return {
        "tick_rows_per_second": machines / tick,
        "floor_rows_per_second": machines / floor,
        "A3_ratio_target_0.7": floor / tick,
        "A3_ratio_in_rows_written": ROWS_OF_A_METER * floor / tick,
        "A3_ratio_to_the_same_rows": statistics.median(same) / tick,
        "A3_rows_added_by_a_second_run_target_0": again,
        "A4_funds_read_p50_ms": statistics.median(reads) * 1000,
        "A4_ratio_to_select_1": statistics.median(reads) / statistics.median(ones),
        "A5_bytes_per_entry_target_380": size / entries,
        "A6_entries_per_second_target_2000000": entries / recompute,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser("bench.ledger")
    parser.add_argument("--allocations", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with throwaway_cluster() as server, TestCluster(server).clone("bench") as urls:
        import psycopg

        with psycopg.connect(urls.superuser) as connection:
            connection.execute(FLOOR_TABLES)

        async def run() -> dict[str, float]:
            db = Database(DatabaseSettings(url=urls.app, pool_size=2))
            try:
                return await measure(db, asked.allocations)
            finally:
                await db.close()

        figures = asyncio.run(run())
    print(
        json.dumps(figures) if asked.json else "\n".join(f"{name:44} {value:,.2f}" for name, value in figures.items())
    )


if __name__ == "__main__":
    main()
