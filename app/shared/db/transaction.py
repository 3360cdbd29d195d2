"""The connection and the transaction of one unit of work.

The transaction begins with the first statement that changes or locks something. What only reads before it runs by
itself: at READ COMMITTED each statement sees its own snapshot, inside of a transaction as outside. So a page that shows
things sends its statements and nothing else, and a connection that has died since it was used is replaced unseen,
because nothing was begun on it: nobody asks beforehand whether it lives.

Outside of a transaction PostgreSQL refuses every change (`default_transaction_read_only`).
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar

import psycopg
from psycopg.errors import ReadOnlySqlTransaction
from psycopg.pq import TransactionStatus
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

from app.shared.db.session import Session

T = TypeVar("T")
Ask = Callable[[], Awaitable[T]]
IMMEDIATE = text("SET CONSTRAINTS ALL IMMEDIATE")
READ_ONLY = text("SET TRANSACTION READ ONLY")


class Transaction(Protocol):
    """What a session stands on. `connection` and `driver` are there once something was asked."""

    connection: AsyncConnection | None
    driver: Session

    @property
    def engine(self) -> AsyncEngine: ...

    @property
    def is_open(self) -> bool: ...

    async def begin(self) -> None: ...

    async def read(self, ask: Ask[T]) -> T:
        """Ask what changes nothing, before the transaction has begun."""
        ...

    async def commit(self) -> None: ...

    async def rollback(self) -> None: ...

    async def close(self) -> None: ...


class PooledTransaction:
    """A transaction of the database, on a connection of the pool."""

    driver: Session

    def __init__(self, engine: AsyncEngine, *, read_only: bool) -> None:
        self.connection: AsyncConnection | None = None
        self.engine = engine
        self._read_only = read_only

    @property
    def is_open(self) -> bool:
        return self.connection is not None and self.driver.pgconn.transaction_status != TransactionStatus.IDLE

    async def begin(self) -> None:
        await self._first(self._begin)

    async def _begin(self) -> None:
        words = self.driver.beginning(read_only=self._read_only)
        with translated(self.driver, words):
            await self.driver.execute(words.encode())

    async def read(self, ask: Ask[T]) -> T:
        await self._connect()
        if self._read_only or self.driver.shared:  # what holds for a transaction must hold for this one
            await self.begin()
            return await ask()
        try:
            return await self._first(ask)
        except DBAPIError as error:
            if not isinstance(error.orig, ReadOnlySqlTransaction):
                raise
            await self.begin()  # a function that changes something
            return await ask()

    async def _first(self, ask: Ask[T]) -> T:
        while True:
            await self._connect()
            try:
                answer = await ask()
            except DBAPIError:
                if not self.driver.closed:
                    raise
                await self._drop()
                if not self.driver.served:
                    raise
            else:
                self.driver.served = True
                return answer

    async def _connect(self) -> None:
        if self.connection is None:
            connection = await self.engine.connect()
            self.connection, self.driver = connection, driver_of(connection)

    async def commit(self) -> None:
        if self.is_open:
            with translated(self.driver, "COMMIT"):
                await self.driver.commit()

    async def rollback(self) -> None:
        if self.is_open:
            with suppress(psycopg.Error):  # then the connection is dropped, and the server rolls back
                await self.driver.rollback()

    async def close(self) -> None:
        await self.rollback()
        if self.is_open:
            await self._drop()
        elif self.connection is not None:
            await self.connection.close()
            self.connection = None

    async def _drop(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()


class NestedTransaction:
    """A savepoint of a transaction that somebody else ends (tests that must leave no trace)."""

    driver: Session

    def __init__(self, connection: AsyncConnection, *, read_only: bool) -> None:
        self.connection: AsyncConnection | None = None
        self.engine = connection.engine
        self._outer = connection
        self._read_only = read_only
        self._savepoint: AsyncTransaction | None = None

    @property
    def is_open(self) -> bool:
        return self._savepoint is not None

    async def begin(self) -> None:
        self._savepoint = await self._outer.begin_nested()
        self.connection, self.driver = self._outer, driver_of(self._outer)
        if self._read_only:
            await self._outer.execute(READ_ONLY)

    async def read(self, ask: Ask[T]) -> T:
        await self.begin()
        return await ask()

    async def commit(self) -> None:
        if self._savepoint is not None:
            await self._outer.execute(IMMEDIATE)  # a commit asks the deferred rules, the end of a savepoint does not
            await self._savepoint.commit()

    async def rollback(self) -> None:
        if self._savepoint is not None and self._savepoint.is_active:
            await self._savepoint.rollback()

    async def close(self) -> None:
        await self.rollback()
        self.connection = self._savepoint = None


def driver_of(connection: AsyncConnection) -> Session:
    """The driver's connection."""
    sync = connection.sync_connection
    driver = sync.connection.driver_connection if sync is not None else None
    if not isinstance(driver, Session):
        raise TypeError("the engine makes connections of another kind")
    return driver


@contextmanager
def translated(driver: Session, statement: str, values: Mapping[str, object] | None = None) -> Iterator[None]:
    """What the driver raises becomes what SQLAlchemy raises, without values."""
    try:
        yield
    except psycopg.Error as error:
        known = DBAPIError.instance(
            statement,
            values,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=driver.closed,
        )
        raise known from error
