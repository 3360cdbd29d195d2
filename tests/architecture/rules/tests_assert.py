"""A test shows something: it asserts, expects an error, waits for what must come, or calls what does.

Counted are `assert`, `pytest.raises`, `warns` and `fail`, calls whose name begins with one of `CHECKING`, and calls of
functions of the same file that do one of these.
"""

import ast
from collections.abc import Iterator, Mapping

from tests.architecture.source import Finding, Source, dotted

SCOPE = ("tests/**/test_*.py", "e2e/**/test_*.py")
ENDING = ("pytest.raises", "pytest.warns", "pytest.fail")
CHECKING = ("assert", "check", "expect", "until", "soon", "verif")  # the last three fail when it does not come true
Function = ast.FunctionDef | ast.AsyncFunctionDef


def check(source: Source) -> Iterator[Finding]:
    own = {function.name: function for function in source.functions()}
    for name, function in own.items():
        if name.startswith("test_") and not _shows(function, own, frozenset()):
            yield source.finding(function, f"{name} asserts nothing")


def _shows(function: Function, own: Mapping[str, Function], seen: frozenset[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            name = called.rpartition(".")[2].lstrip("_")
            if called in ENDING or name.startswith(CHECKING):
                return True
            helper = own.get(called)
            if helper is not None and called not in seen and _shows(helper, own, seen | {called}):
                return True
    return False


BAD = [
    ("tests/web/test_a.py", "def test_it_runs():\n    run()\n"),
    ("e2e/test_b.py", "def _go(page):\n    page.goto('/')\ndef test_it_opens(page):\n    _go(page)\n"),
]
GOOD = [
    ("tests/web/test_a.py", "def _right():\n    assert 1\ndef test_it_holds():\n    _right()\n"),
    ("tests/web/test_b.py", "async def test_it_comes(world):\n    await world.until(3)\n"),
]
