"""Files of any length are written in constant memory: what a long one holds is what its first lines hold."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.domains.billing.rules.usage import UsageQuery
from app.domains.billing.service import exports
from tests.domains.billing.books import Books
from tests.fixtures.app import Browser, SignIn, tenant_of

if TYPE_CHECKING:
    from app.shared.context import ContextFactory
    from tests.fixtures.postgres import DatabaseUrls

pytestmark = [pytest.mark.commits, pytest.mark.slow]
ROWS, DAYS, GROWTH = 200_000, 60, 12_000_000
LEDGER = """
    INSERT INTO billing.ledger_transactions (id, occurred_at, kind, reference, cause_id, tenant_id, currency,
                                             funds_change, held_change, correlation_id)
    SELECT uuidv7(), %(at)s::timestamptz - n * interval '1 second', 'payment', 'many:' || n, uuidv7(), %(tenant)s,
           'USD', n, 0, 'many'
    FROM generate_series(1, %(rows)s) n
"""
MACHINES = """
    INSERT INTO billing.metered_allocations (allocation_id, tenant_id, project_id, label, gpus, currency, sku_id,
                                             price_version_id, rate, metered_from, created_at)
    SELECT uuidv7(), %(tenant)s, %(project)s, 'm-' || n, 8, 'USD', %(project)s, uuidv7(), 18400000,
           date_trunc('day', %(at)s::timestamptz) - make_interval(days => %(days)s - 1), %(at)s
    FROM generate_series(1, %(machines)s) n
"""


@pytest.fixture
async def many(books: Books, sign_in_as: SignIn, database: DatabaseUrls) -> Books:
    """200,000 transactions, and machines that ran on 60 days with 200,000 days together."""
    ada: Browser = await sign_in_as("ada")
    books.tenant_id = tenant_of(ada)
    await books.open()
    values = {
        "tenant": books.tenant_id,
        "project": books.project_id,
        "at": books.clock.instant,
        "rows": ROWS,
        "days": DAYS,
        "machines": ROWS // DAYS + 1,
    }
    with psycopg.connect(database.superuser) as connection:
        connection.execute("SET session_replication_role = replica")  # nothing is posted: only its lines are read
        connection.execute(LEDGER, values)
        connection.execute(MACHINES, values)
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute("ANALYZE billing.ledger_transactions, billing.metered_allocations")
    return books


def _resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


async def _read(rows: AsyncIterator[Sequence[Sequence[str]]]) -> tuple[int, int]:
    """How many lines there are, and by how many bytes the process grew at most after the first batch of them."""
    count = len(await anext(rows))
    begun = highest = _resident()
    async for batch in rows:
        count += len(batch)
        highest = max(highest, _resident())
    return count, highest - begun


def _contexts(books: Books) -> ContextFactory:
    actor = books.actor
    return lambda: books.runtime.context(actor)


async def test_a_long_ledger_is_written_in_constant_memory(many: Books) -> None:
    count, grown = await _read(await exports.ledger_rows(_contexts(many)))
    assert count == ROWS
    assert grown < GROWTH


async def test_the_usage_of_many_machines_is_written_in_constant_memory(many: Books) -> None:
    today = many.clock.instant.date()
    query = UsageQuery(from_day=today - timedelta(days=DAYS - 1), to_day=today + timedelta(days=1))
    count, grown = await _read(await exports.usage_rows(_contexts(many), query))
    assert count == (ROWS // DAYS + 1) * DAYS >= ROWS
    assert grown < GROWTH
