"""Every module says what it owns and what it refuses to do; only empty package markers and private modules may not."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py", "devstack/**/*.py")


def check(source: Source) -> Iterator[Finding]:
    name = source.path.stem
    private = name.startswith("_") and not name.startswith("__")
    empty_package = name == "__init__" and not source.tree.body
    if not private and not empty_package and not ast.get_docstring(source.tree):
        yield source.finding(1, "no module docstring")


BAD = [("app/a.py", "A = 1\n"), ("app/__init__.py", "A = 1\n")]
GOOD = [("app/a.py", '"""Owns A."""\nA = 1\n'), ("app/shared/__init__.py", "")]
