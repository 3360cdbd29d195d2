"""The engine of one process and the sessions it makes."""

from collections.abc import Awaitable, Callable

from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.settings import DatabaseSettings
from app.shared.db.direct import DirectSession
from app.shared.db.session import Session
from app.shared.db.transaction import NestedTransaction, PooledTransaction
from app.shared.db.unit_of_work import UnitOfWork

AfterCommit = Callable[[], Awaitable[None]]
WANTED = {
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "60000",
    "TimeZone": "UTC",
    "default_transaction_read_only": "on",  # a change belongs into a transaction that was begun for it
}


def sqlalchemy_url(url: str) -> str:
    """The same address for SQLAlchemy's psycopg dialect."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _begin(connection: Connection) -> None:
    """SQLAlchemy expects that the driver begins transactions; ours are begun by what opens them, and here."""
    driver = connection.connection.driver_connection
    if isinstance(driver, Session) and driver.pgconn.transaction_status == TransactionStatus.IDLE:
        connection.connection.cursor().execute(driver.beginning())


class Database:
    """One process's pool. `unit_of_work()` is the only way to a session."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(settings.url),
            pool_size=settings.pool_size,
            max_overflow=settings.pool_size,
            pool_timeout=2,  # a hang past two seconds is worse than a 503 that says so
            pool_reset_on_return=None,  # whoever takes one ends its transaction
            hide_parameters=True,  # the text of an error goes to logs, dead letters and Temporal: without values
            async_creator=lambda: Session.connect(
                settings.url, wanted=WANTED, autocommit=True, connect_timeout=3, application_name="berth"
            ),
        )
        event.listen(self.engine.sync_engine, "begin", _begin)
        self._outer: AsyncConnection | None = None

    def bind_to(self, connection: AsyncConnection) -> None:
        """Run every unit of work inside `connection`'s transaction, by savepoint (tests that must leave no trace)."""
        self._outer = connection

    def unit_of_work(self, after_commit: AfterCommit | None = None, *, read_only: bool = False) -> UnitOfWork:
        """A unit of work that has not begun yet; use it with `async with`. With `read_only` the database refuses every
        change."""
        transaction = (
            PooledTransaction(self.engine, read_only=read_only)
            if self._outer is None
            else NestedTransaction(self._outer, read_only=read_only)
        )
        return UnitOfWork(DirectSession(transaction), after_commit)

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()
