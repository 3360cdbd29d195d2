"""Transactions end in one place: commit() and rollback() are called only in app/shared/db.

Alembic's own environment script, migrations/env.py, is the one other place; no migration ends its own transaction.
"""

from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py", "migrations/**/*.py")


def check(source: Source) -> Iterator[Finding]:
    if source.under("app/shared/db", "migrations/env.py"):
        return
    for call, name in source.calls():
        last = name.rpartition(".")
        if last[1] and last[2] in {"commit", "rollback"}:
            yield source.finding(call, f"{name}() outside the unit of work: return to commit, raise to roll back")


BAD = [
    ("app/domains/billing/service.py", "async def f(ctx):\n    await ctx.uow.session.commit()\n"),
    ("workers/saq.py", "async def f(pool):\n    await pool.connection().rollback()\n"),
    ("migrations/versions/0002_x.py", "def upgrade():\n    op.get_bind().commit()\n"),
]
GOOD = [
    ("app/shared/db/uow.py", "async def f(session):\n    await session.commit()\n"),
    ("app/domains/billing/service.py", "def f(git):\n    return git.commit\n"),
]
