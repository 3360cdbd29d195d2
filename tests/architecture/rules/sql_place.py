"""SQL lives in a domain's repository and models, in app/shared and in migrations; nowhere else."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py")
BUILDERS = frozenset(
    {"text", "select", "insert", "update", "delete", "func", "and_", "or_", "exists", "literal_column"}
)
EXECUTES = frozenset({"execute", "executemany", "exec_driver_sql", "scalar", "scalars", "stream", "stream_scalars"})
CONNECTIONS = frozenset({"session", "conn", "connection", "cursor", "cur", "engine", "uow", "db", "tx"})


def check(source: Source) -> Iterator[Finding]:
    if source.room in {"repository", "models"} or source.under("app/shared"):
        return
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            for alias in node.names:
                if alias.name in BUILDERS:
                    yield source.finding(node, f"{alias.name} builds SQL outside a repository")
    for call, name in source.calls():
        owner, _, last = name.rpartition(".")
        if last in EXECUTES and owner.rpartition(".")[2] in CONNECTIONS:
            yield source.finding(call, f"{name}() runs SQL outside a repository")
        if last in BUILDERS and owner in {"sa", "sqlalchemy"}:
            yield source.finding(call, f"{name}() builds SQL outside a repository")


BAD = [
    ("app/domains/billing/service.py", "from sqlalchemy import select\n"),
    ("app/domains/billing/handlers/pages.py", "async def f(ctx):\n    await ctx.uow.session.execute('SELECT 1')\n"),
    ("workers/relay.py", "import sqlalchemy as sa\nQUERY = sa.text('SELECT 1')\n"),
]
GOOD = [
    ("app/domains/billing/repository.py", "from sqlalchemy import select\n"),
    ("app/domains/billing/repository/holds.py", "from sqlalchemy import select\n"),
    (
        "app/domains/billing/service.py",
        "async def f(workflow, data):\n    data.update({})\n    await workflow.execute()\n",
    ),
    ("app/shared/outbox/claim.py", "async def f(session):\n    await session.execute('SELECT 1')\n"),
]
