"""The ground that tests stand on: isolation between tests, the product's role, no way out of this machine."""

import socket
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from temporalio.testing import WorkflowEnvironment

from app.shared.db import Database
from devstack.services.nats import Nats
from devstack.services.s3 import S3
from devstack.services.valkey import Valkey
from tests.fixtures.clock import FakeClock
from tests.fixtures.postgres import DatabaseUrls, TestCluster


def _count(url: str, schema: str, table: str) -> int:
    query = psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(schema, table))
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("attempt", [1, 2])
async def test_what_a_test_writes_is_gone_afterwards(db: Database, database: DatabaseUrls, attempt: int) -> None:
    async with db.unit_of_work() as unit:
        seen = await unit.session.scalar(text("SELECT count(*) FROM shared.processed_events"))
        await unit.session.execute(
            text("INSERT INTO shared.processed_events VALUES ('probe', :event, :event, 1)"), {"event": uuid4()}
        )
    async with db.unit_of_work() as unit:
        kept = await unit.session.scalar(text("SELECT count(*) FROM shared.processed_events"))
    assert (seen, kept) == (0, 1)
    assert _count(database.app, "shared", "processed_events") == 0


@pytest.mark.commits
async def test_a_test_with_commits_writes_for_all_to_see_in_a_database_of_its_own(
    db: Database, database: DatabaseUrls, worker_database: DatabaseUrls
) -> None:
    async with db.unit_of_work() as unit:
        await unit.session.execute(
            text("INSERT INTO shared.processed_events VALUES ('probe', :event, :event, 1)"), {"event": uuid4()}
        )
    assert database.name != worker_database.name
    assert _count(database.app, "shared", "processed_events") == 1
    assert _count(worker_database.app, "shared", "processed_events") == 0


async def test_tests_connect_as_the_role_of_the_product(db: Database) -> None:
    async with db.unit_of_work() as unit:
        row = (
            await unit.session.execute(
                text("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            )
        ).one()
    assert tuple(row) == ("berth_app", False)


def test_a_clone_is_dropped_with_its_sessions(cluster: TestCluster) -> None:
    with cluster.clone("probe") as urls:
        forgotten = psycopg.connect(urls.app)
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")
    forgotten.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(urls.app)


@pytest.mark.parametrize("attempt", [1, 2])
def test_valkey_is_empty_at_the_start_of_a_test(valkey: Valkey, attempt: int) -> None:
    import redis

    with redis.Redis.from_url(valkey.url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


@pytest.mark.parametrize("attempt", [1, 2])
async def test_nats_has_no_streams_at_the_start_of_a_test(nats: Nats, attempt: int) -> None:
    import nats as client

    connection = await client.connect(nats.url)
    try:
        jetstream = connection.jetstream()
        assert await jetstream.streams_info() == []
        await jetstream.add_stream(name="left", subjects=["behind"])
    finally:
        await connection.close()


async def test_the_clock_moves_only_when_told(clock: FakeClock) -> None:
    before = await clock.now()
    assert await clock.now() == before
    clock.advance(90)
    assert await clock.now() == before + timedelta(seconds=90)
    with pytest.raises(ValueError, match="run back"):
        clock.advance(-1)


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_no_test_reaches_beyond_this_machine() -> None:
    with pytest.raises(RuntimeError, match="tried to use socket"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


async def test_temporal_skips_time(temporal: WorkflowEnvironment) -> None:
    before = await temporal.get_current_time()
    await temporal.sleep(timedelta(hours=20))
    assert await temporal.get_current_time() - before >= timedelta(hours=20)


def test_the_bucket_keeps_what_is_put(s3: S3) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3.url,
        region_name="us-east-1",
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
    )
    client.put_object(Bucket=s3.bucket, Key="probe/a", Body=b"kept")
    assert client.get_object(Bucket=s3.bucket, Key="probe/a")["Body"].read() == b"kept"
    client.close()
