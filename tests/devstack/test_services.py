"""The embedded services keep what they were given through kill -9, and clear what a crash left."""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import nats
import psycopg
import pytest
import redis
from nats.js.api import StreamConfig
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack.services import ports
from devstack.services.nats import Nats, throwaway_nats
from devstack.services.postgres import Postgres, throwaway_cluster
from devstack.services.valkey import Valkey


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with throwaway_cluster() as running:
        yield running


def _one(cluster: Postgres, statement: str) -> object:
    with psycopg.connect(cluster.superuser_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def _runs(pid: int) -> bool:
    """A process that ended but was not reaped has no program any more."""
    try:
        return bool(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return False


def test_postgres_keeps_rows_through_a_kill_of_the_postmaster(cluster: Postgres) -> None:
    _one(cluster, "create table kept as select 42 as answer")
    _one(cluster, "checkpoint")
    cluster.kill()
    assert not cluster.ready()
    cluster.run()
    assert _one(cluster, "select answer from kept") == 42


def test_postgres_starts_again_while_an_orphan_still_holds_shared_memory(cluster: Postgres) -> None:
    with closing(psycopg.connect(cluster.superuser_url)) as busy:
        # A backend in a long computation does not notice that its postmaster is gone.
        pid = busy.info.backend_pid
        busy.pgconn.send_query(b"select sum(sqrt(n)) from generate_series(1, 2000000000) as n")
        cluster.kill()
        assert _runs(pid)
        cluster.run()
    assert _one(cluster, "select 1") == 1
    assert not _runs(pid)


def test_a_stale_pid_file_naming_a_foreign_process_is_ignored(cluster: Postgres) -> None:
    foreign = subprocess.Popen(["sleep", "60"], user=65534 if os.geteuid() == 0 else None)
    try:
        pid_file = cluster.data_dir / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        cluster.kill()
        pid_file.write_text("\n".join([str(foreign.pid), *lines[1:]]) + "\n")
        cluster.run()
        assert _one(cluster, "select 1") == 1
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_postgres_refuses_a_wrong_password(cluster: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.database_url("postgres", password="wrong"))


def test_valkey_keeps_keys_through_kill_and_asks_for_a_password(tmp_path: Path) -> None:
    valkey = Valkey(tmp_path / "valkey", tmp_path / "log", ports.claim()[0], "secret")
    try:
        valkey.run()
        with redis.Redis.from_url(valkey.url, retry=Retry(NoBackoff(), 0)) as client:
            client.set("kept", "yes")
            client.execute_command("WAITAOF", 1, 0, 2000)
        valkey.kill()
        assert not valkey.ready()
        valkey.run()
        with redis.Redis.from_url(valkey.url, retry=Retry(NoBackoff(), 0)) as client:
            assert client.get("kept") == b"yes"
        anonymous = redis.Redis(port=valkey.port, retry=Retry(NoBackoff(), 0))
        with anonymous, pytest.raises(redis.AuthenticationError):
            anonymous.get("kept")
    finally:
        valkey.stop()


async def _publish(server: Nats) -> None:
    client = await nats.connect(server.url)
    stream = client.jetstream()
    await stream.add_stream(StreamConfig(name="KEPT", subjects=["kept.>"]))
    await stream.publish("kept.one", b"yes", timeout=5)
    await client.close()


async def _stored(server: Nats) -> bytes | None:
    client = await nats.connect(server.url)
    message = await client.jetstream().get_msg("KEPT", seq=1)
    await client.close()
    return message.data


def test_nats_keeps_a_stream_through_kill() -> None:
    with throwaway_nats() as server:
        asyncio.run(_publish(server))
        server.kill()
        assert not server.ready()
        server.run()
        assert asyncio.run(_stored(server)) == b"yes"


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv ties a server to its starter")
def test_a_server_ends_with_a_starter_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from devstack.services.valkey import Valkey\n"
        "v = Valkey(Path(sys.argv[1]), Path(sys.argv[1] + '.log'), int(sys.argv[2]), 'pw', False); v.run()\n"
        "print(v.process.pid, flush=True); sys.stdin.read()"
    )
    [port] = ports.claim()
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "v"), str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    server = int(starter.stdout.readline())
    ended = os.pidfd_open(server)
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    assert select.select([ended], [], [], 5)[0] == [ended]
    os.close(ended)
