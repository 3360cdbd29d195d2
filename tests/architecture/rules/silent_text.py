"""Text of people is kept or refused, never changed in silence: `app/shared/text.py` is the one place that decides.

Where commands are made and carried out nothing trims, joins, folds, composes, decodes loosely or cuts a text. What is
only looked at may be made plain first (a comparison, a condition, a length), and so may what is read as something else
(`UUID(text.strip())`). Search words and words of protocols are not kept: their places are listed, each with why.
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
    "app/domains/*/rules/reasons.py",
    "app/shared/text.py",
    "app/shared/storagepath/*.py",
)
CHANGES = {"strip", "lstrip", "rstrip", "title", "capitalize", "casefold", "expandtabs"}
OF_SENT = {"lower", "upper", "translate", "replace"}  # of an attribute of what was sent; elsewhere of our own words
SENT = {"command", "data", "body", "self", "form", "edited"}
QUESTIONS = {"q", "search", "word", "query"}  # a word that is looked for is a question, and not kept
READERS = {
    "UUID",
    "int",
    "float",
    "Decimal",
    "fromisoformat",
    "fullmatch",
    "match",
    "search",
    "parse_amount",
    "ZoneInfo",
}
LOOSE = {"ignore", "replace", "backslashreplace", "xmlcharrefreplace"}
# file:function, and why what it changes is no text that a person wrote to be kept
_AUDIT, _STORAGE = "app/domains/admin/schemas/audit.py", "app/domains/storage/service"
PLACES = {
    "app/domains/admin/handlers/pages_system.py:dismiss": "which messages a browser has seen",
    f"{_AUDIT}:filter": "a filter is a question",
    f"{_AUDIT}:_instant": "read as a time",
    "app/domains/admin/schemas/policies.py:value_text": "our own words",
    "app/domains/admin/service/ledger.py:run_check": "a report of ours",
    "app/domains/admin/service/policy_values.py:read_value": "read as a number or as yes or no",
    "app/domains/appruntime/service/callers.py:*": "words of HTTP",
    "app/domains/appruntime/service/transitions.py:fail": "what a program printed last",
    "app/domains/appruntime/service/people.py:_person": "a lookup of an address",
    "app/domains/appruntime/service/sockets.py:*": "the body of an app's refusal",
    "app/domains/auth/service/customers.py:_parse_search": "a search text",
    "app/domains/auth/handlers/pages_signin.py:visit_of": "what a browser calls itself",
    "app/domains/inventory/schemas/catalog.py:rate_of": "read as an amount",
    "app/domains/inventory/service/history.py:note": "longer than any reason: what else stands there is ours",
    "app/domains/inventory/service/import_nodes.py:*": "what MAAS says of a machine",
    "app/domains/inventory/service/nodes.py:quarantine": "written by us",
    "app/domains/notification/schemas/events.py:*": "our own words",
    "app/domains/notification/service/webhooks.py:_check": "part of a refusal",
    "app/domains/payments/service/cases.py:open_case": "a line of a log",
    "app/domains/provisioning/service/find.py:*": "so many rows",
    f"{_STORAGE}/links.py:_read": "bytes",
    f"{_STORAGE}/uploads.py:_printable": "a refused path, shown in its refusal",
    "app/domains/terminal/handlers/ws.py:*": "words of a protocol",
    "app/domains/terminal/service/attachment.py:*": "bytes of a terminal",
    "app/shared/storagepath/__init__.py:_check_meaning": "looked at as other programs would read it",
    "app/shared/storagepath/__init__.py:_check_encoded": "looked at as other programs would read it",
}


def check(source: Source) -> Iterator[Finding]:
    looked_at = {id(part) for node in source.nodes for part in _looked_at(node)}
    functions = [node for node in source.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in source.nodes:
        what = _change(node)
        if what is None or id(node) in looked_at:
            continue
        owners = [one.name for one in functions if one.lineno <= node.lineno <= (one.end_lineno or 0)]
        if not any(f"{source.path}:{owner}" in PLACES for owner in [*owners, "*"]):
            yield source.finding(node, f"`{ast.unparse(node)}` {what}: text of people is kept or refused")


def _change(node: ast.AST) -> str | None:
    """How this expression changes a text, if it may."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        upper = node.slice.upper
        constant = isinstance(upper, ast.Constant) and isinstance(upper.value, int) and upper.value > 1
        named = isinstance(upper, ast.Name) and upper.id.isupper()
        ours = isinstance(node.value, ast.Call) and _name(node.value.func) in ("hex", "hexdigest", "sorted")
        return "cuts" if node.slice.lower is None and (constant or named) and not ours else None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    method, receiver = node.func.attr, node.func.value
    if isinstance(receiver, ast.JoinedStr) or _name(receiver) in QUESTIONS:
        return None
    if method in CHANGES and not any(isinstance(one, ast.Constant) and one.value for one in node.args):
        return f"changes ({method})"
    if method in OF_SENT and isinstance(receiver, ast.Attribute) and _name(receiver.value) in SENT:
        return f"changes ({method})"
    if method == "normalize":
        return "composes anew"
    if method == "join" and any(_splits(part) for part in node.args):
        return "joins what it split"
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    if method in ("encode", "decode") and any(isinstance(one, ast.Constant) and one.value in LOOSE for one in given):
        return "decodes loosely"
    return None


def _name(node: ast.expr) -> str:
    """`name` for `name` and for `command.name`."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _splits(node: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr in ("split", "splitlines")
        for part in ast.walk(node)
    )


def _looked_at(node: ast.AST) -> Iterator[ast.AST]:
    """What is only asked about, or read as something that is no text, with all that it is made of."""
    asked: list[ast.AST | None] = []
    if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
        asked.append(node.test)
    elif isinstance(node, ast.comprehension):
        asked += node.ifs
    elif isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        asked.append(node)
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in READERS | {"len", "bool", "any", "all"}:
            asked += node.args
        if isinstance(node.func, ast.Attribute) and name in ("startswith", "endswith", "isdecimal", "isprintable"):
            asked.append(node.func.value)
    for part in asked:
        if part is not None:
            yield from ast.walk(part)


SERVICE = "app/domains/releases/service/keys.py"
SCHEMAS = "app/domains/provisioning/schemas/launch.py"
BAD = [
    (SERVICE, 'def f(text: str) -> str:\n    return " ".join(text.split())\n'),
    (SERVICE, "def f(key: K) -> str:\n    return key.comment[:100]\n"),
    (SERVICE, "def f(command: C) -> str:\n    return command.reason[:LONGEST]\n"),
    (SERVICE, "def f(text: str) -> str:\n    return unicodedata.normalize('NFC', text)\n"),
    (SERVICE, "def f(raw: bytes) -> str:\n    return raw.decode('utf-8', 'replace')\n"),
    (SERVICE, "def f(raw: bytes) -> str:\n    return raw.decode(errors='ignore')\n"),
    (SCHEMAS, "class LaunchForm:\n    def command(self) -> C:\n        return C(name=self.name.strip().lower())\n"),
    (SCHEMAS, "class LaunchForm:\n    def command(self) -> C:\n        return C(name=self.name.title())\n"),
]
GOOD = [
    (SERVICE, "def f(command: C, name: str) -> bool:\n    return command.confirm_name.strip() == name\n"),
    (SERVICE, "def f(command: C) -> str:\n    return kept_name(command.name)\n"),
    (SERVICE, "def f(rows: list[R], limit: int) -> list[R]:\n    return rows[:limit]\n"),
    (
        SCHEMAS,
        "class F:\n    def id(self) -> U:\n        return UUID(self.id.strip()) if self.id.strip() else None\n",
    ),
]
