"""Every repository of a domain extends `Repository` (app/shared/db/repository.py), which alone keeps the session."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/domains/**/*.py",)


def check(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        if not isinstance(node, ast.ClassDef) or not node.name.endswith("Repository"):
            continue
        if "Repository" not in {base.id for base in node.bases if isinstance(base, ast.Name)}:
            yield source.finding(node, f"{node.name} does not extend Repository")
        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute) and inner.attr == "_session" and isinstance(inner.ctx, ast.Store):
                yield source.finding(inner, f"{node.name} keeps the session itself: call super().__init__(session)")


BAD = [
    ("app/domains/auth/repository/people.py", "class AuthRepository:\n    pass\n"),
    ("app/domains/terminal/repository.py", "class TerminalRepository(Protocol):\n    pass\n"),
    (
        "app/domains/storage/repository/folders.py",
        "class FolderRepository(Repository):\n    def __init__(self, session):\n        self._session = session\n",
    ),
]
GOOD = [
    ("app/domains/auth/repository/people.py", "class AuthRepository(Repository):\n    pass\n"),
    (
        "app/domains/storage/repository/folders.py",
        "class FolderRepository(Repository):\n    def __init__(self, session, of):\n"
        "        super().__init__(session)\n        self._of = of\n",
    ),
]
