"""Behind PgBouncer in transaction mode: it is ready, its settings hold in every transaction, nothing is left behind."""

from __future__ import annotations

import asyncio

import msgspec
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.domains.auth.events import SessionStarted
from app.domains.billing import public as billing
from app.settings import DatabaseSettings
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.db import Database
from app.shared.db.migrate import upgrade
from app.shared.ids import new_id
from app.shared.outbox.feed import Feed
from app.shared.outbox.lease import Leases
from app.shared.outbox.marks import Marks
from app.shared.outbox.pool import open_pool
from app.shared.outbox.writer import OutboxKind
from app.shared.rdb import connect
from tests.fixtures.pgbouncer import pooler, through

SETTINGS = text("""
    SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
           current_setting('TimeZone')
""")
LOCK = text("SELECT FROM shared.outbox_leases WHERE shard = 3 FOR UPDATE")

pytestmark = pytest.mark.commits


@pytest.fixture(params=[False, True], ids=["refuses options", "ignores options"])
def pooled(request, cluster, database):
    """The test's database by way of a pooler."""
    with pooler(cluster, ignores_options=request.param) as port:
        yield through(database.app, port)


@pytest.fixture
async def pooled_runtime(pooled, settings):
    from app.asgi import wire
    from tests.fixtures.app import templates

    settings = msgspec.structs.replace(settings, database=DatabaseSettings(url=pooled, pool_size=10))
    runtime = Runtime(settings, Database(settings.database), connect(settings.valkey_url), templates())
    wire(runtime)
    yield runtime
    await runtime.close()


async def test_settings_hold_in_each_transaction_whatever_session_it_gets(pooled_runtime) -> None:
    async def look(number: int) -> tuple[object, ...]:
        async with pooled_runtime.context(SYSTEM) as ctx:
            row = (await ctx.session.execute(SETTINGS)).one()
            return tuple(row)

    for _ in range(12):  # a prepared statement would be asked of a session that does not know it
        seen = await asyncio.gather(*(look(number) for number in range(10)))
        assert set(seen) == {("5s", "1min", "UTC")}


async def _wait_for(runtime: Runtime) -> None:
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(text("SET LOCAL lock_timeout = '100ms'"))
        await ctx.session.execute(LOCK)


async def test_a_locked_row_is_waited_for_no_longer_than_we_say(pooled_runtime, database) -> None:
    with psycopg.connect(database.superuser) as holder:
        holder.execute("SELECT FROM shared.outbox_leases WHERE shard = 3 FOR UPDATE")
        with pytest.raises(OperationalError, match="lock timeout"):
            await _wait_for(pooled_runtime)
    async with pooled_runtime.context(SYSTEM) as ctx:
        assert (await ctx.session.execute(SETTINGS)).one()[0] == "5s"  # what one transaction chose ended with it


async def test_the_portal_is_ready_and_its_deeper_reads_work(pooled_runtime) -> None:
    import httpx

    from app.asgi import create_app

    transport = httpx.ASGITransport(create_app(pooled_runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        for _ in range(8):
            ready = await client.get("/readyz")
            assert ready.status_code == 200, ready.text
    async with pooled_runtime.context(SYSTEM) as ctx:
        assert (await billing.verify_ledger(ctx)).ok  # repeatable read, said before the first statement


async def test_the_relay_takes_leases_reads_and_marks(pooled_runtime, pooled) -> None:
    async with pooled_runtime.context(SYSTEM) as ctx:
        for _ in range(20):
            await ctx.emit(SessionStarted(session_id=new_id(), user_id=new_id()), version=1)
    async with open_pool(pooled, "test") as pool:
        leases = Leases(pool, new_id())
        await leases.tick(1)
        assert len(leases.tokens()) == 16
        tokens = leases.tokens()
        feed, marks, found = Feed(pool, OutboxKind.EVENT, tokens), Marks(pool, leases, tokens), []
        for _ in range(3):
            rows = await feed.read(100)
            found += rows
            if rows:
                await marks.published([(row, 1) for row in rows])
        assert len(found) == 20
        assert await Feed(pool, OutboxKind.EVENT, tokens).read(100) == []
        await leases.release_all()


def test_migrations_run_through_it_too(cluster) -> None:
    with pooler(cluster, ignores_options=False) as port:
        urls = cluster.create_empty(f"berth_pooled_{new_id().hex[-8:]}")
        try:
            upgrade(through(urls.owner, port))
            with psycopg.connect(urls.superuser) as connection:
                assert connection.execute("SELECT count(*) FROM shared.schema_versions").fetchone() == (1,)
        finally:
            cluster.drop(urls.name)
