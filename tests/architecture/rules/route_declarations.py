"""A route says what is its own: what it shares with its twin or with its whole family is declared once.

The prefix of the API and the absence of pages from its description belong to the routers (`app/web/route.py`); what a
route asks for (`requires`) is a constant of `handlers/options.py`, for the page and its twin of the API alike.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source, dotted

SCOPE = ("app/domains/*/handlers/*.py", "app/portal/*.py")
METHODS = {"get", "post", "put", "patch", "delete", "websocket"}


def check(source: Source) -> Iterator[Finding]:
    for function in source.functions():
        for call in function.decorator_list:
            if isinstance(call, ast.Call) and dotted(call.func) in METHODS:
                yield from _declared(source, call)
    for call, name in source.calls():
        if name == "requires" and source.domain and source.path.name != "options.py":
            yield source.finding(call, "what a route asks for stands in handlers/options.py, once for both twins")


def _declared(source: Source, call: ast.Call) -> Iterator[Finding]:
    for text in ast.walk(call.args[0] if call.args else call):
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value.startswith("/api/"):
            yield source.finding(call, "the router carries /api/v1: the path goes on from there")
    if source.path.name.startswith("pages") and any(word.arg == "include_in_schema" for word in call.keywords):
        yield source.finding(call, "pages are not in the API's description anyway")


PAGES, REST = "app/domains/billing/handlers/pages.py", "app/domains/billing/handlers/rest.py"
BAD = [
    (REST, "@get('/api/v1/usage', opt=BILLING_READ)\nasync def f(): ...\n"),
    (PAGES, "@get('/usage', opt=BILLING_READ, include_in_schema=False)\nasync def f(): ...\n"),
    (PAGES, "@get('/usage', opt=requires(Permission.BILLING_READ))\nasync def f(): ...\n"),
]
GOOD = [
    (REST, "@get('/usage', opt=BILLING_READ)\nasync def f(): ...\n"),
    ("app/domains/billing/handlers/options.py", "BILLING_READ = requires(Permission.BILLING_READ)\n"),
]
