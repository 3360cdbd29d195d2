"""Statements that are built once go to the driver directly.

SQLAlchemy spends three times as much on a statement as the driver and the network together. What it does is the same
each time for a statement that is a constant of its module: its text, how values are bound and how columns are read.
That is its plan, made once. The rows come as SQLAlchemy's own results, so that nobody sees which way was taken.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import AsyncCursor
from psycopg.rows import TupleRow
from sqlalchemy import Dialect, Executable, Select, TextClause
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.sql.compiler import SQLCompiler

Convert = Callable[[Any], Any]
Values = Mapping[str, object]
QUESTION = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
CHANGE = re.compile(  # or a lock, or what holds for a transaction
    r"\b(INSERT|UPDATE|DELETE|MERGE|SHARE|SET|SET_CONFIG|NOTIFY|PG_NOTIFY)\b|_advisory_|_current_xact", re.IGNORECASE
)


class Rows(IteratorResult[Any]):
    """The rows of a statement, all of them read."""

    rowcount: int = -1  # how many were inserted, changed or deleted


class Plan:
    """How one statement is sent and its rows are read."""

    def __init__(self, compiled: SQLCompiler, dialect: Dialect) -> None:
        self.sql: str = compiled.string
        self.query = self.sql.encode()
        self.reads = QUESTION.match(self.sql) is not None and CHANGE.search(self.sql) is None
        self._given = {name: value for name, value in compiled.params.items() if value is not None}
        self._binds: dict[str, Convert] = {
            name: convert for name, convert in compiled._bind_processors.items() if callable(convert)
        }
        readers = [column.type._cached_result_processor(dialect, None) for column in compiled._result_columns]
        self._readers = [(index, reader) for index, reader in enumerate(readers) if reader is not None]
        self._names: SimpleResultMetaData | None = None
        self._width = -1

    def bind(self, values: Values | None) -> dict[str, object]:
        """The values as the driver takes them."""
        bound: dict[str, object] = {**self._given, **values} if values else dict(self._given)
        for name, convert in self._binds.items():
            if name in bound:
                bound[name] = convert(bound[name])
        return bound

    async def rows(self, cursor: AsyncCursor[TupleRow]) -> Rows:
        """What the server answered."""
        answer = cursor.pgresult
        width = answer.nfields if answer is not None else 0
        if self._names is None or width != self._width:
            self._names = SimpleResultMetaData([column.name for column in cursor.description or ()])
            self._width = width
        found: Sequence[TupleRow] = await cursor.fetchall() if width else ()
        rows = Rows(self._names, self._read(found) if self._readers else iter(found))
        rows.rowcount = cursor.rowcount
        return rows

    def _read(self, found: Sequence[TupleRow]) -> Iterator[TupleRow]:
        for row in found:
            values = list(row)
            for index, reader in self._readers:
                values[index] = reader(values[index])
            yield tuple(values)


_plans: WeakKeyDictionary[Executable, Plan | None] = WeakKeyDictionary()
_once: WeakKeyDictionary[Executable, bool] = WeakKeyDictionary()


def plan_of(statement: Executable, dialect: Dialect) -> Plan | None:
    """The statement's plan. None for one that SQLAlchemy runs: it makes entities, changes rows through a model, takes a
    list of values in place of one, or may have been built for this one call."""
    try:
        return _plans[statement]
    except KeyError:
        if isinstance(statement, Select) and _once.setdefault(statement, False) is False:
            _once[statement] = True  # a select that comes again is a constant
            return None
        _plans[statement] = plan = _make(statement, dialect)
        return plan


def _make(statement: Executable, dialect: Dialect) -> Plan | None:
    if not isinstance(statement, TextClause | Select) or (isinstance(statement, Select) and _makes_entities(statement)):
        return None
    compiled = statement.compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler) or compiled.post_compile_params or compiled.literal_execute_params:
        return None
    return Plan(compiled, dialect)


def _makes_entities(statement: Select[Any]) -> bool:
    return any(column["expr"] is column["entity"] for column in statement.column_descriptions)
