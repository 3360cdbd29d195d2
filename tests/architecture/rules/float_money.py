"""Money never meets a float: no float annotation, literal, call or true division where money is counted.

Durations handed to libraries as `timeout=`, `retry_delay=` and the like may have a fraction.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = (
    "app/shared/money.py",
    "app/domains/billing/**/*.py",
    "app/domains/payments/**/*.py",
    "app/domains/*/rules/money.py",
    "app/domains/*/rules/rating.py",
)
DURATIONS = ("timeout", "delay", "backoff", "seconds", "interval", "ttl")


def check(source: Source) -> Iterator[Finding]:
    durations = {
        id(node)
        for keyword in source.nodes
        if isinstance(keyword, ast.keyword) and keyword.arg and keyword.arg.endswith(DURATIONS)
        for node in ast.walk(keyword.value)
    }
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id == "float":
            yield source.finding(node, "float where money is counted")
        elif isinstance(node, ast.Constant) and isinstance(node.value, float) and id(node) not in durations:
            yield source.finding(node, f"the float {node.value!r} where money is counted")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield source.finding(node, "true division makes a float: use divide_half_even or //")


BAD = [
    ("app/domains/billing/rules/rating.py", "def f(x: float) -> int:\n    return int(x)\n"),
    ("app/domains/payments/service.py", "FEE = 0.029\n"),
    ("app/shared/money.py", "def f(a: int, b: int) -> int:\n    return int(a / b)\n"),
]
GOOD = [
    ("app/domains/billing/rules/rating.py", "def f(a: int, b: int) -> int:\n    return a // b\n"),
    ("app/domains/payments/gateway.py", "CLIENT = Client(timeout=2.5)\n"),
]
