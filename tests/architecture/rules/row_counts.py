"""How many rows a statement changed is asked in one typed place: `changed_rows` and `Repository._changed`.

SQLAlchemy types the result of every statement as one that has no `rowcount`; each caller that reads it would need a
cast of its own.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py")
PLACE = "app/shared/db/repository.py"
# These work with psycopg's own cursors, whose `rowcount` is typed.
DRIVER = ("app/shared/outbox/marks.py", "app/shared/db/plan.py")


def check(source: Source) -> Iterator[Finding]:
    if source.under(PLACE, *DRIVER):
        return
    for node in source.nodes:
        attribute = isinstance(node, ast.Attribute) and node.attr == "rowcount"
        if attribute or (isinstance(node, ast.Constant) and node.value == "rowcount"):
            yield source.finding(node, f"rowcount outside of {PLACE}: use changed_rows or Repository._changed")


BAD = [
    (
        "app/domains/billing/repository/meters.py",
        "async def f(session):\n    return (await session.execute(START)).rowcount\n",
    ),
    ("app/shared/batch/store.py", "def f(result):\n    return getattr(result, 'rowcount', 0)\n"),
    ("workers/relay.py", "def f(result):\n    return result.rowcount\n"),
]
GOOD = [
    ("app/shared/db/repository.py", "def f(result):\n    return result.rowcount\n"),
    ("app/shared/batch/store.py", "async def f(session):\n    return await changed_rows(session, PRUNE, {})\n"),
]
