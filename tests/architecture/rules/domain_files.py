"""The file names inside a domain are a closed vocabulary: whoever knows one domain finds everything in all."""

import re
from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = ("app/domains/**/*.py",)
FILES = frozenset(
    "domain schemas jobs consumers activities workflows public service repository gateway models rules permissions "
    "policies events contracts errors".split()
)
PACKAGES = frozenset("handlers schemas contracts jobs activities service repository gateway models rules".split())
HANDLERS = re.compile(
    r"__init__|options|(pages|rest|ws)(_[a-z]+)?"
)  # `pages_admin`: the operator's pages of the domain


def check(source: Source) -> Iterator[Finding]:
    inside = source.path.parts[3:]
    if len(source.path.parts) == 3 or inside == ("__init__.py",):
        return
    if len(inside) == 1 and source.path.stem not in FILES:
        yield source.finding(1, f"{source.path.name} is no room of a domain")
    elif len(inside) > 1 and inside[0] not in PACKAGES:
        yield source.finding(1, f"{inside[0]}/ is no room of a domain that may be a package")
    elif len(inside) > 2:
        yield source.finding(1, "a room has one floor: no packages inside packages")
    elif inside[0] == "handlers" and not HANDLERS.fullmatch(source.path.stem):
        yield source.finding(
            1, "handlers are pages, rest and ws, with a topic behind: pages_admin; and the options that they share"
        )


BAD = [
    ("app/domains/billing/helpers.py", ""),
    ("app/domains/billing/utils/money.py", ""),
    ("app/domains/billing/handlers/admin.py", ""),
    ("app/domains/billing/service/holds/open.py", ""),
]
GOOD = [
    ("app/domains/__init__.py", ""),
    ("app/domains/billing/__init__.py", ""),
    ("app/domains/billing/service/open_hold.py", ""),
    ("app/domains/billing/handlers/ws.py", ""),
    ("app/domains/billing/handlers/pages_admin.py", ""),
    ("app/domains/billing/handlers/options.py", ""),
]
