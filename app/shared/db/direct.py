"""A session whose constant statements go to the driver directly. Entities and statements that are built for one call go
by SQLAlchemy, on the same connection and in the same transaction."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from sqlalchemy import Connection, Executable, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.util import await_only

from app.shared.db.plan import Plan, Rows, plan_of
from app.shared.db.transaction import Transaction, translated

CLOCK = text("SELECT clock_timestamp()")


class _Orm(OrmSession):
    """SQLAlchemy's part of a session, on its session's connection."""

    owner: "DirectSession"

    def get_bind(self, *arguments: Any, **named: Any) -> Connection:
        return cast(Connection, await_only(self.owner.begin_now()).sync_connection)


class DirectSession(AsyncSession):
    """Bound to one transaction, which begins with the first statement."""

    sync_session_class = _Orm
    sync_session: _Orm

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(
            transaction.engine, expire_on_commit=False, autoflush=False, join_transaction_mode="rollback_only"
        )
        self.sync_session.owner = self
        self.transaction = transaction

    async def instant(self) -> datetime:
        """What the database's clock says now (UTC)."""
        value = await self.scalar(CLOCK)
        if not isinstance(value, datetime):
            raise TypeError("clock_timestamp() gave no instant")
        return value.astimezone(UTC)

    async def begin_now(self) -> AsyncConnection:
        """The connection, with the transaction begun on it."""
        if not self.transaction.is_open:
            await self.transaction.begin()
        return cast(AsyncConnection, self.transaction.connection)

    async def execute(self, statement: Executable, params: Any = None, **options: Any) -> Any:
        """As SQLAlchemy's session does; `rowcount` is there too."""
        transaction, plan = self.transaction, None
        if not options and (params is None or isinstance(params, Mapping)):
            plan = plan_of(statement, transaction.engine.dialect)
        if plan is None:
            await self.begin_now()
            return await super().execute(statement, params, **options)
        ask = partial(self._run, plan, plan.bind(params))
        if plan.reads and not transaction.is_open:
            return await transaction.read(ask)
        await self.begin_now()
        return await ask()

    async def scalar(self, statement: Executable, params: Any = None, **options: Any) -> Any:
        """The first column of the first row, or None."""
        return (await self.execute(statement, params, **options)).scalar()

    async def _run(self, plan: Plan, values: Mapping[str, object]) -> Rows:
        sync = cast(Connection, cast(AsyncConnection, self.transaction.connection).sync_connection)
        for listener in sync.dispatch.before_cursor_execute:
            listener(sync, None, plan.sql, values, None, False)
        driver = self.transaction.driver
        with translated(driver, plan.sql, values):
            return await plan.rows(await driver.execute(plan.query, values))

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:  # type: ignore[override]
        """A savepoint: what happened since is undone when the block raises."""
        async with super().begin_nested():
            await self.connection()  # now, and not with the next statement that goes by SQLAlchemy
            yield

    async def commit(self) -> None:
        """End well: what was added is written, deferred rules are checked."""
        if self.in_transaction():
            await super().commit()
        await self.transaction.commit()

    async def rollback(self) -> None:
        """End without a trace."""
        if self.in_transaction():
            await super().rollback()
        await self.transaction.rollback()

    async def close(self) -> None:
        """Give the connection back."""
        try:
            if self.in_transaction():
                await super().close()
        finally:
            await self.transaction.close()
