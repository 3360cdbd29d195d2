"""A generated page of docs/ and a table in it."""

import inspect
from collections.abc import Iterable, Sequence

NOTE = "Written by `./berth docs` from the code; a test compares them."


def page(title: str, *parts: str) -> str:
    """A heading, where the page comes from, and its parts with their common indentation removed."""
    return "\n\n".join([f"# {title}", NOTE, *(inspect.cleandoc(part) for part in parts)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown; `|` in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
