"""Identifiers use the field's terms: the words that `docs/glossary.md` rules out name nothing.

Names of modules, classes, functions, parameters, variables and fields are split into their words. Prose may use any.
`TERMS` are names of the field that hold such a word.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.architecture.source import ROOT, Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py")
TERMS = {"place_hold", "PlaceHold", "place_seconds"}  # the last one stands in recorded workflow histories
PLACEMENT = "app/domains/provisioning"  # to place an allocation is the verb of placement
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@cache
def ruled_out() -> frozenset[str]:
    """The first column of the glossary's second table."""
    table = (ROOT / "docs" / "glossary.md").read_text("utf-8").split("## Words that are not used")[1]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ") and "---" not in line]
    return frozenset(word.strip() for row in rows[1:] for word in row.split(","))


def check(source: Source) -> Iterator[Finding]:
    known = TERMS | {"place"} if source.under(PLACEMENT) else TERMS
    if odd := _odd(source.path.stem, known):
        yield source.finding(1, f"a module named {source.path.stem}: see docs/glossary.md for {odd!r}")
    for node in source.nodes:
        for name in _names(node):
            if odd := _odd(name, known):
                yield source.finding(node, f"{name}: see docs/glossary.md for {odd!r}")


def _odd(name: str, known: set[str]) -> str | None:
    if name in known:
        return None
    return next((word for word in map(str.lower, WORDS.findall(name)) if word in ruled_out()), None)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.attr


BAD = [
    ("app/shared/upkeep.py", ""),
    ("app/shared/lease.py", "def bury(row):\n    pass\n"),
    ("app/shared/lease.py", "def f(fact):\n    pass\n"),
    ("app/shared/lease.py", "class Lease:\n    told_at: int\n"),
    ("app/shared/lease.py", "MOST_ROWS = 3\n"),
]
GOOD = [("app/shared/lease.py", "class Lease:\n    placement: int\n\n\ndef place_hold(event):\n    '''Said once.'''\n")]
