"""The migrated database keeps the laws that no reading of code can prove."""

import re

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql

from app.models import metadata
from app.shared.db.migrate import alembic_config
from tests.fixtures.postgres import APP, DatabaseUrls

APPEND_ONLY = re.compile(r"(audit_logs|ledger_(entries|transactions|seals)).*")
CROSSING = """
    SELECT conname, source.relnamespace::regnamespace::text, target.relnamespace::regnamespace::text
    FROM pg_constraint
    JOIN pg_class source ON source.oid = conrelid
    JOIN pg_class target ON target.oid = confrelid
    WHERE contype = 'f' AND source.relnamespace <> target.relnamespace
"""
TABLES = """
    SELECT relnamespace::regnamespace::text, relname, pg_class.oid FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
"""
GRANTED = """
    SELECT privilege FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) privilege
    WHERE has_table_privilege(%(role)s, %(oid)s::oid, privilege)
       OR (privilege = 'UPDATE' AND has_any_column_privilege(%(role)s, %(oid)s::oid, privilege))
"""


def test_migrations_are_one_line_with_one_head() -> None:
    script = ScriptDirectory.from_config(alembic_config("postgresql://unused"))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1
    assert not [revision.revision for revision in script.walk_revisions() if revision.is_merge_point]


def test_no_foreign_key_crosses_from_one_schema_to_another(worker_database: DatabaseUrls) -> None:
    with psycopg.connect(worker_database.superuser) as connection:
        assert connection.execute(CROSSING).fetchall() == []


@pytest.mark.commits
def test_a_crossing_foreign_key_would_be_seen(database: DatabaseUrls) -> None:
    with psycopg.connect(database.owner) as connection:
        connection.execute("CREATE SCHEMA probe_a CREATE TABLE a (id int PRIMARY KEY)")
        connection.execute("CREATE SCHEMA probe_b CREATE TABLE b (id int CONSTRAINT crossing REFERENCES probe_a.a)")
    with psycopg.connect(database.superuser) as connection:
        assert connection.execute(CROSSING).fetchall() == [("crossing", "probe_b", "probe_a")]


def test_the_product_cannot_change_ledger_or_audit_rows(worker_database: DatabaseUrls) -> None:
    granted: dict[str, list[str]] = {}
    expected = {"admin.audit_logs"}
    with psycopg.connect(worker_database.superuser) as connection:
        for schema, table, oid in connection.execute(TABLES).fetchall():
            if APPEND_ONLY.fullmatch(table):
                rows = connection.execute(GRANTED, {"role": APP, "oid": oid}).fetchall()
                granted[f"{schema}.{table}"] = [privilege for (privilege,) in rows]
            elif schema == "billing":
                expected |= {"billing.ledger_entries", "billing.ledger_transactions"}
    assert expected <= granted.keys()
    assert {table: privileges for table, privileges in granted.items() if privileges} == {}


def test_even_the_owner_is_refused_to_change_ledger_or_audit_rows(worker_database: DatabaseUrls) -> None:
    with psycopg.connect(worker_database.owner) as connection:
        tables = [row[:2] for row in connection.execute(TABLES).fetchall() if APPEND_ONLY.fullmatch(row[1])]
        assert tables
        open_to_owner: list[str] = []
        for schema, table in tables:
            statement = sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(schema, table))
            refusal = ""
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(statement)
            except psycopg.errors.InsufficientPrivilege as error:
                refusal = str(error)
            if "append-only" not in refusal:
                open_to_owner.append(f"{schema}.{table}")
    assert open_to_owner == []


def test_every_table_lives_in_the_schema_of_a_domain_or_in_shared(worker_database: DatabaseUrls) -> None:
    with psycopg.connect(worker_database.superuser) as connection:
        schemas = {schema for schema, _, _ in connection.execute(TABLES).fetchall()}
    assert schemas == {table.schema for table in metadata.tables.values()}


def test_the_product_cannot_create_or_drop_tables(worker_database: DatabaseUrls) -> None:
    with psycopg.connect(worker_database.app, autocommit=True) as connection:
        for statement in (
            "CREATE TABLE shared.probe (id int)",
            "CREATE TABLE public.probe (id int)",
            "CREATE SCHEMA x",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
