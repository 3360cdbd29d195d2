"""What the relay's statements read: what is pending and new, however much is stored and whatever the statistics say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app.shared.outbox import feed, marks
from app.shared.outbox.pool import WANTED
from tests.fixtures.postgres import DatabaseUrls

STORED = 20_000
FILL = """
    INSERT INTO shared.outbox_events (id, kind, name, aggregate_id, shard, version, payload, correlation_id,
                                      published_at, created_at)
    SELECT uuidv7(), 'event', 'berth.v1.probe.counter.moved', uuidv7(), n % 16, 1, '{{}}', 'test', {published},
           clock_timestamp() - n * interval '{step}'
    FROM generate_series(1, {rows}) n
"""
SHARDS = "ARRAY[" + ",".join(map(str, range(16))) + "]::smallint[]"
VALUES = {
    "kind": "'event'",
    "shards": SHARDS,
    "cursors": "array_fill('00000000-0000-0000-0000-000000000000'::uuid, ARRAY[16])",
    "until": "NULL",
    "limit": "50",
    "reached": "'00000000-0000-0000-0000-000000000000'",
    "xip": "'{}'",
    "sequences": "array_fill(1, ARRAY[50])",
    "of": "array_fill(1::smallint, ARRAY[50])",
    "tokens": "array_fill(0, ARRAY[16])",
    "owner": "'nobody'",
}
PARAMETER = re.compile(r"%\((\w+)\)s")
NEWEST = """
    SELECT quote_literal(array_agg(id)) AS ids, quote_literal(array_agg(created_at)) AS created,
           quote_literal(current_setting('test.begun')) AS begun
    FROM (SELECT id, created_at FROM shared.outbox_events ORDER BY id DESC LIMIT 50) x
"""
STATEMENTS = {
    "first": feed.FIRST,
    "next": feed.NEXT,
    "again": feed.AGAIN,
    "kinds": feed.KINDS,
    "published": marks.PUBLISHED,
}


@pytest.fixture(params=["analyzed when pending", "analyzed when published", "never analyzed"])
def stored(request: pytest.FixtureRequest, database: DatabaseUrls) -> Iterator[psycopg.Connection[Any]]:
    """Much that was published, over weeks, and fifty rows that were not."""
    options = " ".join(f"-c {name}={value}" for name, value in WANTED.items())
    with psycopg.connect(database.superuser, autocommit=True, options=options) as connection:
        published = "NULL" if request.param == "analyzed when pending" else "clock_timestamp()"
        connection.execute(FILL.format(published=published, rows=STORED, step="1 minute").encode())
        if request.param != "never analyzed":
            connection.execute("ANALYZE shared.outbox_events")
        connection.execute("UPDATE shared.outbox_events SET published_at = clock_timestamp()")
        connection.execute("VACUUM shared.outbox_events")
        connection.execute("SELECT set_config('test.begun', pg_current_xact_id()::text, false)")
        connection.execute(FILL.format(published="NULL", rows=50, step="1 millisecond").encode())
        yield connection


@pytest.mark.commits
def test_a_statement_reads_what_is_pending_and_not_what_is_stored(stored: psycopg.Connection[Any]) -> None:
    for name, statement in STATEMENTS.items():
        plan = _explain(stored, name, statement)
        nodes = list(_nodes(plan))
        assert not [
            node for node in nodes if node["Node Type"] == "Seq Scan" and "outbox_events" in node["Relation Name"]
        ]
        read = sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in nodes
            if node.get("Relation Name", "").startswith("outbox_events")
        )
        assert read <= 200, (name, json.dumps(plan, indent=1))
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 1_500, (name, json.dumps(plan, indent=1))


def _explain(connection: psycopg.Connection[Any], name: str, statement: str) -> dict[str, Any]:
    """The plan that a connection of the relay keeps, with what it read."""
    names: list[str] = []

    def numbered(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    ids, created, begun = connection.execute(NEWEST).fetchone()  # type: ignore[misc]
    values = VALUES | {"ids": ids, "created": created, "xmax": begun}
    connection.execute(b"PREPARE " + name.encode() + b" AS " + PARAMETER.sub(numbered, statement).encode())
    arguments = [f"({values[each]})" for each in names]
    with connection.transaction(force_rollback=True):
        run = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name} ({', '.join(arguments)})"
        ((plan,),) = connection.execute(run.encode()).fetchall()
    found: dict[str, Any] = plan[0]["Plan"]
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)
