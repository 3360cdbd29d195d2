"""A domain's `__init__` is its door plate: a docstring, no code, with lines Owns:, Emits:, Consumes: and Called by:."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Finding, Source, body_without_docstring

SCOPE = ("app/domains/*/__init__.py",)
LINES = ("Owns", "Emits", "Consumes", "Called by")


def parse(docstring: str) -> dict[str, str]:
    """The four facts of a door plate; a fact may run on over indented lines."""
    pattern = rf"^({'|'.join(LINES)}):[ \t]*(.*(?:\n[ \t]+\S.*)*)"
    return {name: " ".join(text.split()) for name, text in re.findall(pattern, docstring, flags=re.M)}


def check(source: Source) -> Iterator[Finding]:
    docstring = ast.get_docstring(source.tree)
    if docstring is None:
        yield source.finding(1, "a domain without a docstring")
        return
    for statement in body_without_docstring(source.tree):
        yield source.finding(statement, "code in a domain's __init__ is loaded by all, workflows included")
    facts = parse(docstring)
    for name in LINES:
        if not facts.get(name):
            yield source.finding(1, f"the docstring does not say “{name}: …”")


PLATE = '"""Money.\n\nOwns: ledger_entries\nEmits: nothing\nConsumes: usage.recorded,\n  allocation.ended\n'
BAD = [
    ("app/domains/billing/__init__.py", ""),
    ("app/domains/billing/__init__.py", PLATE + '"""\n'),
    ("app/domains/billing/__init__.py", PLATE + 'Called by: admin\n"""\nfrom .public import charge\n'),
]
GOOD = [("app/domains/billing/__init__.py", PLATE + 'Called by: provisioning, admin\n"""\n')]
