"""A domain's `__init__` is its header: a docstring, no code, with lines Owns:, Emits: and Consumes:.

`tests/architecture/test_domains.py` compares what they say with the models, the catalogue of events and the consumers.
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Finding, Source, body_without_docstring

SCOPE = ("app/domains/*/__init__.py",)
LINES = ("Owns", "Emits", "Consumes")


def parse(docstring: str) -> dict[str, str]:
    """What follows each of the words; a line may run on over indented ones."""
    pattern = rf"^({'|'.join(LINES)}):[ \t]*(.*(?:\n[ \t]+\S.*)*)"
    return {name: " ".join(text.split()) for name, text in re.findall(pattern, docstring, flags=re.M)}


def check(source: Source) -> Iterator[Finding]:
    docstring = ast.get_docstring(source.tree)
    if docstring is None:
        yield source.finding(1, "a domain without a docstring")
        return
    for statement in body_without_docstring(source.tree):
        yield source.finding(statement, "code in a domain's __init__ is loaded by all, workflows included")
    said = parse(docstring)
    for name in LINES:
        if not said.get(name):
            yield source.finding(1, f"the docstring does not say “{name}: …”")


HEADER = '"""Money.\n\nOwns: ledger_entries\nEmits: nothing\n'
BAD = [
    ("app/domains/billing/__init__.py", ""),
    ("app/domains/billing/__init__.py", HEADER + '"""\n'),
    ("app/domains/billing/__init__.py", HEADER + 'Consumes: nothing\n"""\nfrom .public import charge\n'),
]
GOOD = [("app/domains/billing/__init__.py", HEADER + 'Consumes: usage.recorded,\n  allocation.ended\n"""\n')]
