"""What every repository stands on: one unit of work, entities that are snapshots, no statement that nobody wrote.

An entity is a row as it was when it was read. It stands outside the session: reading it runs nothing, and changing it
writes nothing. Statements are built once, of the model's columns; building one for every call costs more than running
it (docs/decisions/0003).
"""

from typing import TypeVar

from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import TypedReturnsRows

from app.shared.db.base import Base

M = TypeVar("M", bound=Base)


class Repository:
    """Bound to one unit of work. Public methods that read ask for a scope."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def _list(self, statement: TypedReturnsRows[M], **values: object) -> list[M]:
        """The entities that `statement` answers."""
        rows = list(await self._session.scalars(statement, values))
        self._session.expunge_all()
        return rows

    async def _find(self, statement: TypedReturnsRows[M], **values: object) -> M | None:
        """The only one, or None."""
        row: M | None = (await self._session.scalars(statement, values)).one_or_none()
        self._session.expunge_all()
        return row


class Rows(SQLAlchemyAsyncRepository[M]):
    """Advanced Alchemy's repository of one table, for a repository's own use: it adds, counts and deletes rows, never
    commits, never reads again what it has written, and lets PostgreSQL's refusals through as they are."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(
            session=session, auto_expunge=True, auto_refresh=False, auto_commit=False, wrap_exceptions=False
        )
