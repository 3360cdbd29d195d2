"""A migration is history: it imports nothing from the product, so that later changes there cannot alter it."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("migrations/**/*.py",)
PRODUCT = frozenset({"app", "workers", "devstack"})


def check(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] in PRODUCT:
                yield source.finding(node, f"a migration imports {name}")


BAD = [("migrations/versions/0002_x.py", "from app.domains.billing.models import Hold\n")]
GOOD = [("migrations/versions/0002_x.py", "from alembic import op\nimport sqlalchemy as sa\n")]
