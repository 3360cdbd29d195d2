"""The base of repositories whose statements are written out because the statement is the algorithm.

Owns how rows become structs. Knows no table; a repository never commits.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncSession

Row = TypeVar("Row")
Parameters = Mapping[str, object]


class SqlRepository:
    """Runs statements in the session of one unit of work.

    Methods follow one vocabulary: `get_` raises when there is no row, `find_` returns None, `list_` returns all rows,
    `page_` one page of them, `append_` adds rows that never change, `lock_` holds rows until the transaction ends.
    """

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def _find(self, statement: Executable, parameters: Parameters, row_type: type[Row]) -> Row | None:
        """The only row of the result; None when it is empty."""
        row = (await self.session.execute(statement, parameters)).one_or_none()
        return None if row is None else msgspec.convert(dict(row._mapping), row_type)

    async def _list(self, statement: Executable, parameters: Parameters, row_type: type[Row]) -> list[Row]:
        """Every row of the result, in its order."""
        rows = await self.session.execute(statement, parameters)
        return [msgspec.convert(dict(row._mapping), row_type) for row in rows]
