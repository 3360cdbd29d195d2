"""What somebody sent is never replaced because it is falsy: `command.gpus or 8` makes 0 mean eight.

Null and absent are one thing and are asked for with `is None`; 0, an empty text or an empty list are another. In a wire
struct of a body (`…Body`) that holds for `self` too; forms know no null, so an empty text there may mean nothing.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = (
    "app/domains/*/schemas.py",
    "app/domains/*/schemas/*.py",
    "app/domains/*/handlers/*.py",
    "app/domains/*/service.py",
    "app/domains/*/service/*.py",
    "app/domains/*/public.py",
)
SENT = {"command", "data", "body", "query", "wanted", "asked"}


def check(source: Source) -> Iterator[Finding]:
    own = {
        id(node)
        for struct in source.nodes
        if isinstance(struct, ast.ClassDef) and struct.name.endswith("Body")
        for node in ast.walk(struct)
    }
    questions = {id(part) for node in source.nodes for part in _questions(node)}
    for node in source.nodes:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and id(node) not in questions:
            for part in node.values[:-1]:
                name = _owner(part)
                if name in SENT or (name == "self" and id(node) in own):
                    if not isinstance(node.values[-1], ast.Compare | ast.BoolOp | ast.UnaryOp):
                        yield source.finding(
                            node, f"`{ast.unparse(part)} or …`: what was sent is asked for with `is None`"
                        )
        elif (
            isinstance(node, ast.IfExp)
            and _owner(node.test) in SENT
            and ast.unparse(node.test) == ast.unparse(node.body)
        ):
            yield source.finding(node, f"`{ast.unparse(node)}`: what was sent is asked for with `is None`")


def _questions(node: ast.AST) -> Iterator[ast.expr]:
    """Where only true or false is asked: conditions, and what they are made of."""
    asked = [getattr(node, "test", None)] if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert) else []
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        asked.append(node.operand)
    while asked:
        part = asked.pop()
        yield part
        if isinstance(part, ast.BoolOp):
            asked += part.values


def _owner(node: ast.expr) -> str:
    """`command` for `command.gpus`; empty for everything else."""
    return node.value.id if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) else ""


SERVICE = "app/domains/provisioning/service/launch.py"
SCHEMAS = "app/domains/provisioning/schemas/launch.py"
BAD = [
    (SERVICE, "def f(command: C) -> int:\n    return command.gpus or 8\n"),
    (SERVICE, "def f(command: C) -> int:\n    return command.gpus if command.gpus else 8\n"),
    (SCHEMAS, "class LaunchBody:\n    def command(self) -> int:\n        return self.gpus or 0\n"),
]
GOOD = [
    (SERVICE, "def f(command: C) -> int:\n    return 8 if command.gpus is None else command.gpus\n"),
    (SERVICE, "def f(command: C) -> bool:\n    return command.whole or command.gpus > 3\n"),
    (SERVICE, "def f(command: C) -> None:\n    if not (command.whole or command.some):\n        return\n"),
    (SCHEMAS, "class LaunchForm:\n    def command(self) -> object:\n        return self.name or None\n"),
]
