"""A function does one thing in at most 40 lines, from `def` to its last line, its docstring not counted.

Migrations are exempt: a schema is one long statement after another.
"""

from collections.abc import Iterator

from tests.architecture.source import Finding, Source, body_without_docstring

SCOPE = ("app/**/*.py", "workers/**/*.py", "devstack/**/*.py")
LIMIT = 40
ALLOWED: dict[str, int] = {}  # "path::function" -> lines it has today; entries may shrink and leave, never grow or come


def check(source: Source) -> Iterator[Finding]:
    for function in source.functions():
        docstring = function.body[0]
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if body_without_docstring(function) != function.body:
            lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
        limit = ALLOWED.get(f"{source.path}::{function.name}", LIMIT)
        if lines > limit:
            yield source.finding(function, f"{function.name}() has {lines} lines; at most {limit}")


BAD = [("app/a.py", "def f():\n" + "    g()\n" * 40)]
GOOD = [
    ("app/a.py", "def f():\n" + "    g()\n" * 39),
    ("app/a.py", "def f():\n    '''Promise.\n\n    More.\n    '''\n" + "    g()\n" * 39),
]
