"""A setting is read in one place, where it is checked: nobody else takes a `BERTH_` variable from the environment."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Finding, Source, dotted

SCOPE = ("app/**/*.py", "workers/**/*.py")
HOME = "app/settings"
# Of a person's own commands and of a checkout; and what the image says of itself.
OTHERS = ("app/cli/client", "app/cli/environment.py", "app/shared/buildinfo")
PREFIX = "BERTH_"


def check(source: Source) -> Iterator[Finding]:
    if source.under(HOME, *OTHERS):
        return
    for node in source.nodes:
        name = _read(node)
        if name.startswith(PREFIX):
            yield source.finding(node, f"{name} is read past app/settings, where nobody checks it")


def _read(node: ast.AST) -> str:
    """The variable that is taken from the environment here; empty for none."""
    if isinstance(node, ast.Subscript) and dotted(node.value).endswith("environ"):
        return _text(node.slice)
    if (
        isinstance(node, ast.Call)
        and node.args
        and dotted(node.func).endswith(("environ.get", "environ.pop", "getenv"))
    ):
        return _text(node.args[0])
    return ""


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


BAD = [
    ("app/cli/server/serve.py", "import os\nPORT = os.environ.get('BERTH_PORT', '8000')\n"),
    ("workers/metrics.py", "import os\nPORT = os.environ['BERTH_METRICS_PORT']\n"),
    ("app/domains/billing/service.py", "from os import getenv\nPORT = getenv('BERTH_PORT')\n"),
]
GOOD = [
    ("app/cli/client/http.py", "import os\nTOKEN = os.environ.get('BERTH_TOKEN', '')\n"),
    ("workers/runtime.py", "import os\nSETTINGS = load_settings(os.environ)\n"),
]
