"""What every repository stands on: one unit of work, entities that are snapshots, no statement that nobody wrote.

An entity is a row as it was when it was read. It stands outside the session: reading it runs nothing, and changing it
writes nothing. Statements are built once, of the model's columns; building one for every call costs more than running
it (docs/decisions/0003). Where the statement is the algorithm it is written as text, and its rows become structs of the
domain.

Methods have one vocabulary: `get_` raises when there is no row, `find_` returns None, `list_` returns all rows, `page_`
one page of them, `append_` adds rows, `lock_` holds rows until the transaction ends.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from msgspec import Struct, convert
from sqlalchemy import CursorResult, Executable, SQLColumnExpression
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import TypedReturnsRows

from app.shared.db.base import Base

M = TypeVar("M", bound=Base)
V = TypeVar("V", bound=Struct)


def columns(
    view: type[Struct], model: type[Base], **computed: SQLColumnExpression[Any]
) -> list[SQLColumnExpression[Any]]:
    """What a select needs for `view`: the model's columns of its fields' names, and what is `computed` instead."""
    return [computed[name].label(name) if name in computed else getattr(model, name) for name in view.__struct_fields__]


async def changed_rows(session: AsyncSession, statement: Executable, values: Mapping[str, object]) -> int:
    """How many rows the statement inserted, changed or deleted."""
    return cast("CursorResult[Any]", await session.execute(statement, values)).rowcount


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

    async def _list_views(self, view: type[V], statement: Executable, **values: object) -> list[V]:
        """The rows that `statement` answers, as structs of the domain."""
        rows = await self._session.execute(statement, values)
        names = tuple(rows.keys())
        return convert([dict(zip(names, row, strict=True)) for row in rows], list[view])  # type: ignore[valid-type]

    async def _find_view(self, view: type[V], statement: Executable, **values: object) -> V | None:
        """The only one, or None."""
        row = (await self._session.execute(statement, values)).mappings().one_or_none()
        return None if row is None else convert(dict(row), view)

    async def _changed(self, statement: Executable, **values: object) -> int:
        """How many rows the statement inserted, changed or deleted."""
        return await changed_rows(self._session, statement, values)

    def _rows(self, model: type[M]) -> SQLAlchemyAsyncRepository[M]:
        """Advanced Alchemy's repository of a table: it adds, counts and deletes rows. It never commits, never reads
        again what it has written, and lets PostgreSQL's refusals through as they are."""
        return _rows_of(model)(session=self._session, auto_expunge=True, auto_refresh=False, wrap_exceptions=False)


@cache
def _rows_of(model: type[M]) -> type[SQLAlchemyAsyncRepository[M]]:
    return type(f"{model.__name__}Rows", (SQLAlchemyAsyncRepository,), {"model_type": model})
