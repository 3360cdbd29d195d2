"""What an architecture rule looks at and what it reports: one repository file, parsed at most once.

A rule is a module in `rules/` that offers `SCOPE` (globs of repository paths), `check(source)` and the samples
`BAD` and `GOOD`. Rules read text only; they never import the product.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_DIRECTORIES = frozenset({".git", ".venv", ".berth", "node_modules", "__pycache__", ".hypothesis"})
SQL_WORD = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|FROM|JOIN|WHERE|CREATE|ALTER|GRANT|TRUNCATE)\b")


@dataclass(frozen=True)
class Finding:
    """One place that breaks a rule."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class Source:
    """One file: its path inside the repository, its text and, when it is Python, its tree."""

    def __init__(self, path: str, text: str) -> None:
        self.path = PurePosixPath(path)
        self.text = text

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @cached_property
    def nodes(self) -> Sequence[ast.AST]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def lines(self) -> Sequence[str]:
        return self.text.splitlines()

    @property
    def domain(self) -> str | None:
        """The domain that this file belongs to, or None outside app/domains."""
        parts = self.path.parts
        return parts[2] if parts[:2] == ("app", "domains") and len(parts) > 3 else None

    @property
    def room(self) -> str | None:
        """The room of the domain: `service` for service.py and for everything in service/."""
        return PurePosixPath(self.path.parts[3]).stem if self.domain else None

    def under(self, *directories: str) -> bool:
        return any(self.path.is_relative_to(directory) for directory in directories)

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call with its dotted name (`session.execute`, `text`); calls on calls show as `().name`."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield node, dotted(node.func)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def finding(self, where: ast.AST | int, message: str) -> Finding:
        line = where if isinstance(where, int) else getattr(where, "lineno", 1)
        return Finding(str(self.path), line, message)


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a chain of attributes; `()` stands for any other expression at its root."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "()"


def body_without_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Module) -> list[ast.stmt]:
    body = node.body
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file of the work tree that the project owns, sorted; vendored and generated directories are left out."""
    found: list[Path] = []
    pending = [ROOT]
    while pending:
        for entry in pending.pop().iterdir():
            if entry.is_dir() and not entry.is_symlink():
                hidden = entry.name.startswith(".") and entry.name.endswith("_cache")
                if entry.name not in SKIPPED_DIRECTORIES and not hidden:
                    pending.append(entry)
            elif entry.is_file():
                found.append(entry)
    return tuple(sorted(found))


@cache
def load(path: Path) -> Source | None:
    """The source of one file, shared by all rules; None for what is not text."""
    try:
        return Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, FileNotFoundError):
        return None


def matches(path: PurePosixPath, globs: Sequence[str]) -> bool:
    """Whether one of the globs covers the path; `app/**/*.py` also covers `app/asgi.py`."""
    return any(_compiled(glob).fullmatch(path.as_posix()) for glob in globs)


@cache
def _compiled(glob: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*/|\*)", glob)
    translated = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(translated.get(piece, re.escape(piece)) for piece in pieces))


def sources(globs: Sequence[str]) -> Iterator[Source]:
    for path in repository_files():
        if matches(PurePosixPath(path.relative_to(ROOT).as_posix()), globs):
            source = load(path)
            if source is not None:
                yield source
