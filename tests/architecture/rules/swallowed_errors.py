"""No error disappears: no bare except, no `except Exception: pass`, no suppress(Exception)."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source, dotted

SCOPE = ("app/**/*.py", "workers/**/*.py", "migrations/**/*.py", "devstack/**/*.py")
BROAD = frozenset({"Exception", "BaseException"})


def check(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield source.finding(node, "bare except also takes cancellation and exit")
            elif _is_broad(node.type) and all(_does_nothing(statement) for statement in node.body):
                yield source.finding(node, "an error of any kind is dropped: name the kind, or log it")
    for call, name in source.calls():
        if name in {"suppress", "contextlib.suppress"} and any(_is_broad(argument) for argument in call.args):
            yield source.finding(call, "suppress() of any error: name the kind")


def _is_broad(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return any(_is_broad(element) for element in node.elts)
    return dotted(node) in BROAD


def _does_nothing(statement: ast.stmt) -> bool:
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return constant or isinstance(statement, ast.Pass | ast.Continue)


BAD = [
    ("app/a.py", "try:\n    f()\nexcept:\n    raise\n"),
    ("workers/a.py", "try:\n    f()\nexcept (ValueError, Exception):\n    pass\n"),
    ("app/a.py", "with suppress(Exception):\n    f()\n"),
]
GOOD = [
    ("app/a.py", "try:\n    f()\nexcept FileNotFoundError:\n    pass\n"),
    ("app/a.py", "try:\n    f()\nexcept Exception:\n    log.exception('f failed')\n"),
]
