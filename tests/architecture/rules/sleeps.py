"""Tests do not sleep: they wait for what must become true. What cannot be waited for says why, in one of three words.

A loop that ends as soon as its condition holds may pause up to `LONGEST_POLL` between two looks. Every other sleep has
a comment on its line that begins with one of `REASONS`: time itself is what is tested (`outlasts`), somebody else is
slow (`pace`), or the instant is left to chance (`chance`).
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("tests/**/*.py", "e2e/**/*.py")
SLEEPS = {"asyncio.sleep": 1, "time.sleep": 1, "sleep": 1, "page.wait_for_timeout": 1000}  # units of a second
LONGEST_POLL = 0.2  # seconds
REASONS = re.compile(r"# (outlasts|pace of|chance) ?\w*")


def check(source: Source) -> Iterator[Finding]:
    polls = {id(node) for loop in source.nodes if _ends_by_itself(loop) for node in ast.walk(loop)}
    for call, name in source.calls():
        if name not in SLEEPS or not call.args:
            continue
        seconds = _seconds(call.args[0], SLEEPS[name])
        if seconds == 0 or (id(call) in polls and seconds is not None and seconds <= LONGEST_POLL):
            continue
        if not REASONS.search(source.lines[(call.end_lineno or call.lineno) - 1]):
            yield source.finding(call, f"{name} without a reason: outlasts, pace of or chance")


def _ends_by_itself(node: ast.AST) -> bool:
    if isinstance(node, ast.While):
        return True
    return isinstance(node, ast.For) and any(isinstance(inner, ast.Break | ast.Return) for inner in ast.walk(node))


def _seconds(value: ast.expr, unit: int) -> float | None:
    return value.value / unit if isinstance(value, ast.Constant) and isinstance(value.value, int | float) else None


BAD = [
    ("tests/web/test_a.py", "async def test_a():\n    await asyncio.sleep(1)\n    assert done\n"),
    ("tests/web/test_b.py", "def wait():\n    while not done():\n        time.sleep(2)\n"),
    ("e2e/test_c.py", "def test_c(page):\n    page.wait_for_timeout(500)  # until it is there\n"),
]
GOOD = [
    ("tests/web/test_a.py", "async def wait():\n    while not done():\n        await asyncio.sleep(0.05)\n"),
    ("tests/web/test_b.py", "async def test_b():\n    await asyncio.sleep(3)  # outlasts its lease\n"),
    ("e2e/test_c.py", "def wait(page):\n    for _ in range(9):\n        page.wait_for_timeout(50)\n        break\n"),
]
