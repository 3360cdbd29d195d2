"""The engine of one process and the sessions it makes."""

from collections.abc import Awaitable, Callable

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from app.settings import DatabaseSettings
from app.shared.db.session import Session
from app.shared.db.unit_of_work import UnitOfWork

ConnectionSource = AsyncEngine | AsyncConnection
AfterCommit = Callable[[], Awaitable[None]]
WANTED = {"lock_timeout": "5000", "idle_in_transaction_session_timeout": "60000", "TimeZone": "UTC"}


def sqlalchemy_url(url: str) -> str:
    """The same address for SQLAlchemy's psycopg dialect."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _settle(connection: Connection) -> None:
    """A transaction on a shared session begins with its settings."""
    driver = connection.connection.driver_connection
    if isinstance(driver, Session) and driver.shared:
        connection.exec_driver_sql(driver.local)


class Database:
    """One process's pool. `unit_of_work()` is the only way to a session."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(settings.url),
            pool_size=settings.pool_size,
            max_overflow=settings.pool_size,
            pool_timeout=2,  # a hang past two seconds is worse than a 503 that says so
            pool_pre_ping=True,
            hide_parameters=True,  # the text of an error goes to logs, dead letters and Temporal: without values
            async_creator=lambda: Session.connect(
                settings.url, wanted=WANTED, connect_timeout=3, application_name="berth"
            ),
        )
        event.listen(self.engine.sync_engine, "begin", _settle)
        self._bind: ConnectionSource = self.engine

    def bind_to(self, connection: AsyncConnection) -> None:
        """Run every unit of work inside `connection`'s transaction, by savepoint (tests that must leave no trace)."""
        self._bind = connection

    def unit_of_work(self, after_commit: AfterCommit | None = None) -> UnitOfWork:
        """A unit of work that has not begun yet; use it with `async with`."""
        session = AsyncSession(
            self._bind,
            expire_on_commit=False,
            autoflush=False,
            join_transaction_mode="create_savepoint"
            if isinstance(self._bind, AsyncConnection)
            else "conditional_savepoint",
        )
        return UnitOfWork(session, after_commit)

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()
