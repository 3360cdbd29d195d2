"""SQL and markup are never glued: no f-string, %, .format or + with a value in text(), execute(), SQL() or Markup().

Joining string constants, or constants named in CAPITALS, is reading comfort and allowed.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py", "migrations/**/*.py")
SINKS = frozenset({"text", "literal_column", "execute", "executemany", "exec_driver_sql", "SQL", "Markup"})


def check(source: Source) -> Iterator[Finding]:
    for call, name in source.calls():
        last = name.rpartition(".")[2]
        if last in SINKS and call.args and _is_glued(call.args[0]):
            yield source.finding(call, f"{name}() gets a glued string: bind parameters, or escape() markup")


def _is_glued(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return not (isinstance(node.op, ast.Add) and _is_constant(node.left) and _is_constant(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"format", "format_map", "join", "replace"}
    return False


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_constant(node.left) and _is_constant(node.right)
    if isinstance(node, ast.Name):
        return node.id.lstrip("_").isupper()
    return isinstance(node, ast.Constant)


BAD = [
    ("app/domains/billing/repository.py", "def f(t):\n    return text(f'SELECT * FROM {t}')\n"),
    ("app/shared/outbox/claim.py", "async def f(conn, t):\n    await conn.execute('DELETE FROM ' + t)\n"),
    ("migrations/versions/0001_first.py", "def upgrade():\n    op.execute('GRANT SELECT ON %s TO x' % 'y')\n"),
    ("app/web/toast.py", "def f(name):\n    return Markup('<b>{}</b>'.format(name))\n"),
]
GOOD = [
    ("app/domains/billing/repository.py", "QUERY = text('SELECT * FROM billing.hold ' 'WHERE id = :id')\n"),
    ("app/domains/billing/repository.py", "QUERY = text(COLUMNS + ' WHERE id = :id')\n"),
    ("app/web/toast.py", "def f(name):\n    return Markup('<b>') + escape(name) + Markup('</b>')\n"),
]
