"""A repeat is answered by `@use_case` alone: nobody else reaches for what is stored under a key.

A use case is known by its decorator, so nothing outside of the two packages imports `app.shared.idempotency.store`.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py", "devstack/**/*.py")
STORE = "app.shared.idempotency.store"


def check(source: Source) -> Iterator[Finding]:
    if source.under("app/shared/idempotency", "app/shared/use_case.py"):
        return
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom):
            named = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            named = {alias.name for alias in node.names}
        else:
            continue
        if STORE in named:
            yield source.finding(node, "replay is `@use_case`'s: call a use case instead")


HANDLER = "app/domains/billing/handlers/pages.py"
BAD = [
    (HANDLER, "from app.shared.idempotency.store import replay\n"),
    (HANDLER, "from app.shared.idempotency import store\n"),
    ("workers/saq.py", "import app.shared.idempotency.store\n"),
]
GOOD = [
    ("app/shared/use_case.py", "from app.shared.idempotency.store import replay\n"),
    (HANDLER, "from app.shared.idempotency import dry_run\n"),
]
