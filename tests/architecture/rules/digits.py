"""Digits are asked for with `whole_number`: `str.isdigit` is true for `²`, which `int` refuses with an error, and
`isdecimal` for any number of digits of any script.

`BYTES` names where bytes are asked, of which only the ten of ASCII are digits.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py")
ASKS = {"isdigit", "isdecimal", "isnumeric"}
BYTES = {"app/domains/appruntime/rules/headers.py"}


def check(source: Source) -> Iterator[Finding]:
    if str(source.path) not in BYTES:
        for node in source.nodes:
            if isinstance(node, ast.Attribute) and node.attr in ASKS:
                yield source.finding(node, f"{node.attr}: use app.shared.numbers.whole_number")


BAD = [("app/domains/billing/rules.py", "def f(text):\n return int(text) if text.isdigit() else None\n")]
GOOD = [("app/domains/billing/rules.py", "def f(text):\n return whole_number(text)\n")]
