"""Clients of vendors live as long as their process: made in one place each, when a part of the process is made.

A client holds connections, the trusted authorities and, for MAAS, the limit of calls at a time; made for each call it
holds none of them for long. So `httpx2.AsyncClient` is called in app/shared/http_client.py alone, `http_client`,
`StripeClient` and `boto3.client` only where a part is made. The command line is a process of its own.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/**/*.py", "workers/**/*.py")
MAKER = "app/shared/http_client.py"
IN_A_PART = {"http_client", "StripeClient", "HTTPXClient", "create_default_context", "create_ssl_context", "SSLContext"}
BOTO = "app/domains/storage/gateway/s3.py"  # its part makes two: one that asks, one that signs for browsers
ONCE_AT_THE_START = ("app/shared/events/anonymous.py", "app/shared/open_bucket.py")


def check(source: Source) -> Iterator[Finding]:
    if source.under("app/cli", MAKER, *ONCE_AT_THE_START):
        return
    inside = _in_constructors(source.tree)
    for call, name in source.calls():
        last = name.rpartition(".")[2]
        if last in {"AsyncClient", "Client"} and name.partition(".")[0] in {"httpx", "httpx2", "AsyncClient"}:
            yield source.finding(call, f"{name}() outside of {MAKER}: use http_client in a part of the process")
        elif name == "boto3.client" and not source.under(BOTO):
            yield source.finding(call, f"boto3.client() outside of {BOTO}")
        elif last in IN_A_PART and call not in inside:
            yield source.finding(call, f"{name}() outside of a part's __init__: it would be made at each call")


def _in_constructors(tree: ast.AST) -> set[ast.AST]:
    return {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
        for node in ast.walk(function)
    }


BAD = [
    ("app/domains/admin/gateway.py", "async def f():\n    async with httpx2.AsyncClient() as client: ...\n"),
    ("app/domains/admin/gateway.py", "async def f():\n    client = http_client()\n"),
    ("app/domains/payments/gateway.py", "def f():\n    return stripe.StripeClient('x')\n"),
    ("app/domains/storage/service/copies.py", "def f():\n    return boto3.client('s3')\n"),
    ("workers/saq.py", "def f():\n    return ssl.create_default_context()\n"),
]
GOOD = [
    (
        "app/domains/admin/gateway.py",
        "class Part:\n    def __init__(self, runtime):\n        self.http = http_client()\n",
    ),
    ("app/cli/client/connection.py", "def f():\n    return httpx2.AsyncClient()\n"),
    ("app/shared/http_client.py", "def http_client():\n    return httpx2.AsyncClient()\n"),
]
