"""Runs migrations: one transaction each, a lock time-out so that a deploy never queues behind a long reader.

Migrations import nothing from the product. Who compares (`alembic check`) gives the models' metadata with the
configuration, as `attributes["metadata"]`.
"""

from collections.abc import Callable, MutableMapping
from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine, event, pool, text

VERSIONS = "schema_versions"
PARTITIONS = "SELECT relnamespace::regnamespace::text, relname FROM pg_class WHERE relispartition AND relkind = 'r'"


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        raise RuntimeError("no database address")
    engine = create_engine(url, poolclass=pool.NullPool, connect_args={"prepare_threshold": None})
    # For each transaction: behind a pooler the next one may have another session.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET LOCAL lock_timeout = '4s'"))
    with engine.connect() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS shared"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=context.config.attributes.get("metadata"),
            transaction_per_migration=True,
            version_table=VERSIONS,
            version_table_schema="shared",
            include_schemas=True,
            include_name=_compared(connection),
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _compared(connection: Connection) -> Callable[[str | None, str, MutableMapping[Any, Any]], bool]:
    """What models describe: not the partitions, which the parent's row stands for, nor Alembic's own table."""
    if context.config.attributes.get("metadata") is None:
        return lambda name, kind, parents: True
    partitions = {(row[0], row[1]) for row in connection.execute(text(PARTITIONS))}
    connection.rollback()

    def is_compared(name: str | None, kind: str, parents: MutableMapping[Any, Any]) -> bool:
        if kind == "schema":
            return name is not None and name != "public"
        return kind != "table" or (parents["schema_name"], name) not in partitions | {("shared", VERSIONS)}

    return is_compared


run()
