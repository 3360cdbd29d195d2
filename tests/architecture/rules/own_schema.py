"""A domain's SQL names only its own schema and `shared`: no join and no foreign key reaches into another domain."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import ROOT, SQL_WORD, Finding, Source

SCOPE = (
    "app/domains/*/repository.py",
    "app/domains/*/repository/*.py",
    "app/domains/*/models.py",
    "app/domains/*/models/*.py",
)
DOMAINS = {path.name for path in (ROOT / "app" / "domains").glob("[a-z]*") if path.is_dir()}
TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|REFERENCES|ONLY|USING|,)\s+\"?([a-z_]+)\"?\.\"?[a-z_]+", re.I)


def check(source: Source) -> Iterator[Finding]:
    foreign = DOMAINS - {source.domain}
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_WORD.search(node.value):
            for schema in TABLE.findall(node.value):
                if schema in foreign:
                    yield source.finding(node, f"SQL of {source.domain} names the schema {schema}")
    for call, name in source.calls():
        last = name.rpartition(".")[2]
        if last in {"ForeignKey", "ForeignKeyConstraint"}:
            for constant in ast.walk(call):
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    if constant.value.count(".") == 2 and constant.value.split(".")[0] in foreign:
                        yield source.finding(call, f"a foreign key leaves {source.domain}: {constant.value}")
        for keyword in call.keywords:
            if keyword.arg == "schema" and isinstance(keyword.value, ast.Constant) and keyword.value.value in foreign:
                yield source.finding(call, f"a table of {source.domain} is put into {keyword.value.value}")


REPOSITORY = "app/domains/billing/repository.py"
BAD = [
    (REPOSITORY, "Q = text('SELECT * FROM billing.holds h JOIN auth.users u ON u.id = h.by')\n"),
    (REPOSITORY, "Q = text('UPDATE provisioning.allocations SET state = 1')\n"),
    ("app/domains/billing/models.py", "C = ForeignKey('auth.users.id')\n"),
    ("app/domains/billing/models.py", "T = Table('x', metadata, schema='auth')\n"),
]
GOOD = [
    (REPOSITORY, "Q = text('SELECT * FROM billing.holds JOIN shared.policy_values USING (key)')\n"),
    (REPOSITORY, "SUBJECT = 'provisioning.allocation.activated'\n"),
    ("app/domains/billing/models.py", "C = ForeignKey('billing.ledger_accounts.id')\n"),
]
