"""A1, A2: debits with a balance check by twenty clients beside a bare TPC-B-like transaction; then on one account."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from psycopg_pool import AsyncConnectionPool
from sqlalchemy import text

from app.domains.billing import public as billing
from app.domains.billing.contracts import PlaceHold
from app.shared.authz.actor import SYSTEM
from app.shared.money import Micro
from bench.figure import Figure, interleaved, rate
from bench.ledger import CREDIT, SEED
from bench.stack import Stack, stack

ACCOUNTS, CLIENTS, SECONDS = 2_000, 20, 3.0
FLOOR = """
    CREATE TABLE public.bare_accounts (id int PRIMARY KEY, balance bigint NOT NULL);
    CREATE TABLE public.bare_entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account int, amount bigint,
                                      at timestamptz DEFAULT now());
    INSERT INTO public.bare_accounts SELECT n, 1000000000000 FROM generate_series(0, 1999) n;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO berth_app;
"""
TAKE = b"UPDATE public.bare_accounts SET balance = balance - 1000 WHERE id = %s AND balance >= 1000"
NOTE = b"INSERT INTO public.bare_entries (account, amount) VALUES (%s, -1000)"


async def measure() -> list[Figure]:
    import psycopg

    async with stack(machines=1) as made:
        with psycopg.connect(made.urls.superuser) as connection:
            connection.execute(FLOOR)
        tenants = await _customers(made)
        async with AsyncConnectionPool(made.urls.app, min_size=CLIENTS, max_size=CLIENTS, open=False) as pool:
            spread, bare, hot, locked = await interleaved(
                partial(rate, _holds(made, tenants), CLIENTS, SECONDS),
                partial(rate, _bare(pool, ACCOUNTS), CLIENTS, SECONDS),
                partial(rate, _holds(made, tenants[:1]), CLIENTS, SECONDS),
                partial(rate, _bare(pool, 1), CLIENTS, SECONDS),
            )
    note = "a hold with its row, its event and the whole Context; the floor is two statements and a commit"
    return [
        Figure(row="A1", what="debits, 2,000 accounts, 20 clients", ours=spread, unit="1/s", reference=bare,
               reference_name="TPC-B-like", target=">= 0.8x", limit=0.8, less=False, note=note),
        Figure(row="A2", what="debits, one hot account, 20 clients", ours=hot, unit="1/s", reference=locked,
               reference_name="row lock, one by one", target=">= 5x", limit=5, less=False, note=note),
    ]  # fmt: skip


async def _customers(made: Stack) -> list[UUID]:
    async with made.runtime.context(SYSTEM) as ctx:
        at = await ctx.now()
        await ctx.session.execute(text(SEED), {"tenants": ACCOUNTS, "at": at})
        await ctx.session.execute(text(CREDIT), {"at": at})
        rows = await ctx.session.execute(
            text("SELECT tenant_id FROM billing.ledger_accounts WHERE kind = 'customer_credit'")
        )
        return [row.tenant_id for row in rows][-ACCOUNTS:]


def _holds(made: Stack, tenants: list[UUID]) -> Callable[[int], Awaitable[object]]:
    turn = iter(range(10**9))

    async def hold(_client: int) -> None:
        tenant = tenants[next(turn) % len(tenants)]
        async with made.runtime.context(SYSTEM) as ctx:
            await billing.place_hold(
                ctx,
                PlaceHold(tenant_id=tenant, project_id=tenant, allocation_id=uuid4(), amount=Micro(1000), label="x"),
            )

    return hold


def _bare(pool: Any, accounts: int) -> Callable[[int], Awaitable[object]]:
    turn = iter(range(10**9))

    async def take(_client: int) -> None:
        number = next(turn) % accounts
        async with pool.connection() as connection:
            await connection.execute(TAKE, (number,))
            await connection.execute(NOTE, (number,))

    return take
