"""Connections whose settings hold, whether PostgreSQL answers itself or a pooler that shares sessions stands before it.

PostgreSQL takes our settings with the connection, and prepares what it is asked often. PgBouncer in transaction mode
gives each transaction any session: it refuses the startup parameter `options`, or was told to ignore it, and knows no
prepared statement of another session. So a connection is tried with the settings, and asked whether they hold; where
they do not, nothing is prepared and every transaction begins by setting them for itself (SET LOCAL).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

REFUSED = "unsupported startup parameter"


class Session(AsyncConnection[TupleRow]):
    """A connection with settings. `shared`: the session behind it changes with each transaction."""

    shared: bool = False
    served: bool = False  # it has answered since it was made
    local: str = ""  # what a transaction of a shared session begins with

    def beginning(self, *, read_only: bool = False) -> str:
        """What begins a transaction."""
        begin = "BEGIN READ ONLY" if read_only else "BEGIN READ WRITE"
        return f"{begin}; {self.local}" if self.local else begin

    @classmethod
    async def connect(cls, conninfo: str = "", *, wanted: Mapping[str, str], **kwargs: Any) -> Self:  # type: ignore[override]
        """Connect with the settings in `wanted` (without units where the server shows none)."""
        options = " ".join(f"-c {name}={value}" for name, value in wanted.items())
        try:
            session = await super().connect(conninfo, options=options, **kwargs)
        except OperationalError as error:
            if REFUSED not in str(error):
                raise
            return await cls._share(conninfo, wanted, kwargs)
        try:
            holds = await _holds(session, wanted)
        except BaseException:
            await session.close()
            raise
        if holds:
            return session
        await session.close()
        return await cls._share(conninfo, wanted, kwargs)

    @classmethod
    async def _share(cls, conninfo: str, wanted: Mapping[str, str], kwargs: Mapping[str, Any]) -> Self:
        session = await super().connect(conninfo, **{**kwargs, "prepare_threshold": None})
        session.shared = True
        session.local = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in wanted.items())
        return session


@asynccontextmanager
async def settled(pool: AsyncConnectionPool[Session]) -> AsyncIterator[Session]:
    """A connection of an autocommit pool, with its settings: statements run each by itself, or on a shared session all
    in one transaction."""
    async with pool.connection() as connection:
        if not connection.shared:
            yield connection
            return
        async with connection.transaction():
            await connection.execute(connection.local)
            yield connection


async def _holds(session: AsyncConnection[TupleRow], wanted: Mapping[str, str]) -> bool:
    """Whether the server has taken the settings."""
    names = list(wanted)
    cursor = await session.execute(
        "SELECT name, setting FROM pg_settings WHERE lower(name) = ANY(%s)", ([name.lower() for name in names],),
        prepare=False,
    )  # fmt: skip
    found = {name.lower(): value for name, value in await cursor.fetchall()}
    await session.rollback()
    return all(found.get(name.lower()) == value for name, value in wanted.items())
