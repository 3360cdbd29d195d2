"""Runs migrations: one transaction each, a lock time-out so that a deploy never queues behind a long reader."""

from alembic import context
from sqlalchemy import create_engine, event, pool, text


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
            target_metadata=None,
            transaction_per_migration=True,
            version_table="schema_versions",
            version_table_schema="shared",
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
