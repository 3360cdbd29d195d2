"""A document store for the simulators: structs by kind and id in one SQLite file that survives a kill.

It owns durability only. Everything is synchronous and quick; one process and one event loop use it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

Document = TypeVar("Document", bound=msgspec.Struct)


class Store:
    """Structs with an `id` attribute, one row each, in the order they were first put."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS documents ("
            "seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,"
            " UNIQUE (kind, id))"
        )

    def put(self, document_id: str, document: msgspec.Struct) -> None:
        """Insert or replace."""
        self._db.execute(
            "INSERT INTO documents (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (type(document).__name__, document_id, msgspec.json.encode(document)),
        )

    def find(self, kind: type[Document], document_id: str) -> Document | None:
        """The document, or None."""
        row = self._db.execute(
            "SELECT body FROM documents WHERE kind = ? AND id = ?", (kind.__name__, document_id)
        ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=kind)

    def all(self, kind: type[Document]) -> list[Document]:
        """Every document of a kind, oldest first."""
        rows = self._db.execute("SELECT body FROM documents WHERE kind = ? ORDER BY seq", (kind.__name__,))
        return [msgspec.json.decode(body, type=kind) for (body,) in rows]

    def delete(self, kind: type[msgspec.Struct], document_id: str) -> None:
        """Forget a document; forgetting what is not there is fine."""
        self._db.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind.__name__, document_id))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Must not be held over an await, and does not nest."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Give the file back."""
        self._db.close()
