"""The floor of a page: Litestar, SQLAlchemy and Jinja with the same fifty rows in one statement, and nothing else."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from jinja2 import Environment
from litestar import Litestar, Response, get
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

ROWS = text("""
    SELECT id, name, sku_code, gpus, slots, state, image_code, currency, rate_micro, created_at, active_at, login
    FROM provisioning.allocations ORDER BY created_at DESC LIMIT 50
""")
TEMPLATE = """<!doctype html><html><head><title>Machines</title></head><body><main><table>
{% for row in rows %}<tr class="row" data-state="{{ row.state }}">
<td><a href="/machines/{{ row.id }}">{{ row.name }}</a></td><td>{{ row.sku_code }}</td><td>{{ row.gpus }}</td>
<td>{{ row.slots or "-" }}</td><td><span class="state {{ row.state }}">{{ row.state | title }}</span></td>
<td>{{ row.image_code }}</td><td><time datetime="{{ row.created_at }}">{{ row.created_at }}</time></td>
<td>{{ row.active_at or "" }}</td><td>{{ "%.4f" | format(row.rate_micro / 1000000) }} {{ row.currency }}</td>
<td><code>ssh {{ row.login }}@{{ row.name }}</code></td></tr>{% endfor %}</table></main></body></html>"""


@asynccontextmanager
async def bare_pages(url: str) -> AsyncIterator[Any]:
    """An application with `/page` and `/list`."""
    template = Environment(autoescape=True).from_string(TEMPLATE)
    engine = create_async_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))

    async def rows() -> Sequence[RowMapping]:
        async with AsyncSession(engine) as session:
            return (await session.execute(ROWS)).mappings().all()

    @get("/page", media_type="text/html")
    async def page() -> str:
        return template.render(rows=await rows())

    @get("/list")
    async def listed() -> Response[bytes]:
        content = msgspec.json.encode({"items": [dict(row) for row in await rows()]})
        return Response(content, media_type="application/json")

    try:
        yield Litestar([page, listed], openapi_config=None, logging_config=None)
    finally:
        await engine.dispose()
