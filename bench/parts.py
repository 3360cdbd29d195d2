"""Where the CPU and the statements of a request go: spans around the parts that every request passes.

One request runs at a time, so that the process's CPU time belongs to the innermost span that is open; what a statement
costs (SQLAlchemy, driver, event loop) is kept apart from the part that asked for it. Parts are named by where their
functions stand; one that is not there any more is said and left out.
"""

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

REST = "ASGI, middleware, routing"
SQL = "sql"
PLACES = {
    "session and actor": ["app.portal.shell:authenticate"],
    "rate, origin, permission": ["app.asgi:guard"],
    "policies": ["app.shared.policy.store:PolicyStore.get"],
    "clock": ["app.shared.clock:DatabaseClock.now"],
    "begin": ["app.shared.db.unit_of_work:UnitOfWork.__aenter__"],
    "commit": ["app.shared.db.unit_of_work:UnitOfWork.__aexit__"],
    "shell": ["app.portal.shell:build_shell"],
    "template": ["jinja2.environment:Template.render", "app.web.respond:render_block"],
    "serialisation": ["litestar.response.base:Response.render"],
    "log": ["app.shared.telemetry.logs:OneWayOut.emit"],
    SQL: [
        "sqlalchemy.ext.asyncio.session:AsyncSession.execute", "sqlalchemy.ext.asyncio.session:AsyncSession.scalars",
        "sqlalchemy.ext.asyncio.session:AsyncSession.scalar", "sqlalchemy.ext.asyncio.session:AsyncSession.flush",
        "sqlalchemy.ext.asyncio.session:AsyncSession.commit", "sqlalchemy.ext.asyncio.session:AsyncSession.close",
        "sqlalchemy.ext.asyncio.session:AsyncSession.rollback", "psycopg.connection_async:AsyncConnection.commit",
        "psycopg.cursor_async:AsyncCursor.execute", "psycopg.cursor_async:AsyncCursor.executemany",
        "psycopg.cursor_async:AsyncCursor.fetchall",
    ],
}  # fmt: skip
HANDLER = "handler and domain"


@dataclass
class Part:
    """Sums over all requests that were profiled."""

    calls: int = 0
    statements: int = 0
    own: float = 0.0  # CPU seconds without those of statements
    sql: float = 0.0  # CPU seconds of statements


@dataclass
class Spans:
    """Which span is open, and what each has used."""

    parts: dict[str, Part] = field(default_factory=dict)
    texts: list[tuple[str, str]] = field(default_factory=list)  # (part, statement), in order
    missing: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=lambda: [REST])
    _since: float = 0.0

    def begin(self) -> None:
        self._since = time.process_time()

    def charge(self) -> None:
        """What was used since the last change belongs to the innermost span."""
        now = time.process_time()
        part = self.parts.setdefault(self.part, Part())
        if self._open[-1] == SQL:
            part.sql += now - self._since
        else:
            part.own += now - self._since
        self._since = now

    @property
    def part(self) -> str:
        return next(name for name in reversed(self._open) if name != SQL)

    def clear(self) -> None:
        self.parts.clear()
        self.texts.clear()

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        self.charge()
        self._open.append(name)
        if name != SQL:
            self.parts.setdefault(name, Part()).calls += 1
        try:
            yield
        finally:
            self.charge()
            self._open.pop()

    def statement(self, text: str) -> None:
        self.parts.setdefault(self.part, Part()).statements += 1
        self.texts.append((self.part, " ".join(text.split())))

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waited(*args: Any, **named: Any) -> Any:
                with self.span(name):
                    return await function(*args, **named)

            return waited

        @functools.wraps(function)
        def called(*args: Any, **named: Any) -> Any:
            with self.span(name):
                return function(*args, **named)

        return called


def install(spans: Spans) -> None:
    """Put the spans around the parts, before the application is made; for the life of the process."""
    for name, places in PLACES.items():
        for place in places:
            module, _, path = place.partition(":")
            try:
                owner: Any = import_module(module)
                *outer, last = path.split(".")
                for step in outer:
                    owner = getattr(owner, step)
                setattr(owner, last, spans.around(name, getattr(owner, last)))
            except (ImportError, AttributeError):
                spans.missing.append(place)
    _count_statements(spans)


def around_handlers(spans: Spans, app: Any) -> None:
    """The same around what answers each route."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            handler._fn = spans.around(HANDLER, handler.fn)


def _count_statements(spans: Spans) -> None:
    """Every statement passes one of two functions of psycopg, in a pipeline too."""
    from psycopg._connection_base import BaseConnection
    from psycopg._cursor_base import BaseCursor

    prepare, command = BaseCursor._maybe_prepare_gen, BaseConnection._exec_command

    def counted(self: Any, query: Any, **named: Any) -> Any:
        spans.statement(query.query.decode())
        return prepare(self, query, **named)

    def commanded(self: Any, text: Any, *args: Any, **named: Any) -> Any:
        spans.statement(text.decode() if isinstance(text, bytes) else str(text))
        return command(self, text, *args, **named)

    BaseCursor._maybe_prepare_gen = counted  # type: ignore[method-assign]
    BaseConnection._exec_command = commanded  # type: ignore[method-assign]
