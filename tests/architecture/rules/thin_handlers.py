"""A handler turns a request into a command and a result into an answer: at most 12 lines of body.

The signature and the docstring are not counted. One renderer answers the errors of the domain: none is caught here.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source, body_without_docstring, dotted

SCOPE = ("app/domains/*/handlers/*.py", "app/domains/*/handlers.py")
LIMIT = 12


def check(source: Source) -> Iterator[Finding]:
    for function in source.functions():
        body = body_without_docstring(function)
        if body:
            lines = (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1
            if lines > LIMIT:
                yield source.finding(function, f"{function.name}() has a body of {lines} lines; at most {LIMIT}")
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            if "DomainError" in {dotted(name).rpartition(".")[2] for name in _names(node.type)}:
                yield source.finding(node, "a handler catches DomainError: the renderer answers it")


def _names(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


HANDLER = "app/domains/billing/handlers/pages.py"
BAD = [
    (HANDLER, "async def f():\n" + "    g()\n" * 13),
    (HANDLER, "async def f():\n    try:\n        g()\n    except (ValueError, DomainError):\n        raise\n"),
]
GOOD = [(HANDLER, "async def f(\n    a: int,\n) -> None:\n    '''Promise.'''\n" + "    g()\n" * 12)]
