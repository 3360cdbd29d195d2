"""A file that nobody can read in one sitting is two files: more than 400 lines are refused."""

from collections.abc import Iterator

from tests.architecture.source import Finding, Source

SCOPE = (
    "app/**/*.py",
    "app/templates/**/*.html",
    "workers/**/*.py",
    "migrations/**/*.py",
    "devstack/**/*.py",
    "tests/**/*.py",
    "e2e/**/*.py",
    "bench/**/*.py",
)
LIMIT = 400
ALLOWED: dict[str, int] = {}  # path -> lines it has today; entries may shrink and leave, never grow or come


def check(source: Source) -> Iterator[Finding]:
    limit = ALLOWED.get(str(source.path), LIMIT)
    if len(source.lines) > limit:
        yield source.finding(limit + 1, f"{len(source.lines)} lines; at most {limit}")


BAD = [("app/a.py", "A = 1\n" * 401)]
GOOD = [("app/a.py", "A = 1\n" * 400)]
