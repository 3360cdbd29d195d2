"""Transactions end in one place: commit() and rollback() are called only in app/shared/db."""

from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py", "migrations/**/*.py")


def check(source: Source) -> Iterator[Finding]:
    if source.under("app/shared/db"):
        return
    for call, name in source.calls():
        last = name.rpartition(".")
        if last[1] and last[2] in {"commit", "rollback"}:
            yield source.finding(call, f"{name}() outside the unit of work: return to commit, raise to roll back")


BAD = [
    ("app/domains/billing/service.py", "async def f(ctx):\n    await ctx.uow.session.commit()\n"),
    ("workers/saq.py", "async def f(pool):\n    await pool.connection().rollback()\n"),
]
GOOD = [
    ("app/shared/db/uow.py", "async def f(session):\n    await session.commit()\n"),
    ("app/domains/billing/service.py", "def f(git):\n    return git.commit\n"),
]
