"""Bytes of others are read where all that may be wrong about them is expected: `except UNREADABLE` (shared/records.py).

A caller that expects only "no JSON" is ended by text that is no UTF-8, or by a document nested deeper than one reads.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = (
    "app/domains/*/gateway.py",
    "app/domains/*/gateway/*.py",
    "app/domains/payments/service/webhooks.py",
    "app/shared/events/wire.py",
    "app/shared/outbox/dead_letters.py",
    "app/shared/records.py",
)
READERS = {"msgspec.json.decode", "json.loads", "_decoder.decode"}
# What we wrote ourselves and kept in our own Valkey.
OURS = {"app/shared/records.py:list_unread"}


def check(source: Source) -> Iterator[Finding]:
    guarded = {
        id(part)
        for node in source.nodes
        if isinstance(node, ast.Try) and any("UNREADABLE" in ast.unparse(one.type) for one in node.handlers if one.type)
        for statement in node.body
        for part in ast.walk(statement)
    }
    functions = [node for node in source.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in source.nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in READERS and id(node) not in guarded:
            owners = [one.name for one in functions if one.lineno <= node.lineno <= (one.end_lineno or 0)]
            if not any(f"{source.path}:{owner}" in OURS for owner in owners):
                yield source.finding(node, f"`{ast.unparse(node)[:60]}` is not read with `except UNREADABLE`")


GATEWAY = "app/domains/maas/gateway/answers.py"
HEAD = "def f(b: bytes) -> object:\n"
BAD = [
    (GATEWAY, HEAD + "    return msgspec.json.decode(b)\n"),
    (GATEWAY, HEAD + "    try:\n        return json.loads(b)\n    except ValueError:\n        return None\n"),
]
GOOD = [
    (GATEWAY, HEAD + "    try:\n        return json.loads(b)\n    except UNREADABLE:\n        return None\n"),
]
