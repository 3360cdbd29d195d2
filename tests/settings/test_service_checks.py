"""What only the services can say: real PostgreSQL roles, a real Valkey and NATS that talk to anybody, keys on disk."""

import asyncio
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import httpx
import msgspec
import psycopg
import pytest
import redis
from psycopg import sql

from app.settings import Fault, Settings, SettingsError, load_settings
from app.shared import service_checks
from app.shared.context import Runtime
from app.shared.db.role import QUESTIONS, find_role_faults
from app.shared.events.anonymous import takes_anybody
from app.shared.open_bucket import lists_to_anybody
from app.shared.pki.key_files import find_key_faults
from app.shared.rdb.anonymous import answers_anybody
from app.shared.service_checks import Found, ask_services, keep_asking
from devstack.keys import ensure_authorities
from devstack.services import ports
from devstack.services.base import HOST, Spawn, answers, venv_program
from devstack.services.nats import Nats
from devstack.services.s3 import S3
from devstack.services.valkey import Valkey
from tests.fixtures.postgres import DatabaseUrls, TestCluster
from tests.settings.good import good_environment

SUPERUSER = "ALTER ROLE {role} SUPERUSER"
GRANTS = {  # what a role is given, and what is said of it
    "ALTER ROLE {role} BYPASSRLS": "does not bypass row security",
    "ALTER ROLE {role} CREATEROLE": "makes no roles",
    "ALTER ROLE {role} REPLICATION": "does not replicate",
    "GRANT berth_owner TO {role}": "does not own the database",
    "GRANT berth_owner TO {role} WITH INHERIT FALSE": "owns no schema and no table",
    "GRANT pg_write_all_data TO {role}": "has no right to all data, files or programs of the server",
    "GRANT pg_execute_server_program TO {role}": "has no right to all data, files or programs of the server",
    "GRANT UPDATE ON billing.ledger_entries TO {role}": "may not change ledger and audit",
    "GRANT TRUNCATE ON admin.audit_logs TO {role}": "may not change ledger and audit",
    "CREATE SCHEMA probe_of_roles AUTHORIZATION {role}": "owns no schema and no table",
    SUPERUSER: "is no superuser",
}


@contextmanager
def a_role(database: DatabaseUrls, *statements: str) -> Iterator[str]:
    """The address of a new role after these statements; gone at the end."""
    name, password = f"probe_{secrets.token_hex(4)}", secrets.token_hex(12)
    role = sql.Identifier(name)
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
        try:
            for statement in statements:
                connection.execute(sql.SQL(statement).format(role=role))
            yield database.app.replace(database.app.rpartition("@")[0], f"postgresql://{name}:{password}")
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


async def test_the_role_of_the_product_is_good_and_the_owner_is_not(database: DatabaseUrls) -> None:
    assert await find_role_faults(database.app) == []
    assert len(await find_role_faults(database.owner)) >= 3
    assert len(await find_role_faults(database.superuser)) >= len(QUESTIONS) - 1


@pytest.mark.parametrize("statement", sorted(GRANTS))
async def test_a_role_that_was_given_too_much_is_named_by_what_it_must_not_be(
    database: DatabaseUrls, statement: str
) -> None:
    with a_role(database) as plain:
        assert await find_role_faults(plain) == []
    with a_role(database, statement) as url:
        assert f"must name a role that {GRANTS[statement]}" in await find_role_faults(url)


async def test_a_database_that_takes_any_password_is_found(cluster: TestCluster, database: DatabaseUrls) -> None:
    with a_role(database) as url:
        name = url.partition("://")[2].partition(":")[0]
        rules = cluster.server.data_dir / "pg_hba.conf"
        before = rules.read_text()
        try:
            rules.write_text(f"host all {name} 127.0.0.1/32 trust\n{before}")
            _reload(database)
            found = await find_role_faults(url)
        finally:
            rules.write_text(before)
            _reload(database)
    assert found == ["must be a database that asks for the password: it took another one"]


def _reload(database: DatabaseUrls) -> None:
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")


async def test_a_valkey_without_a_password_is_found(valkey: Valkey) -> None:
    assert not await answers_anybody(valkey.url)
    with redis.Redis.from_url(valkey.url) as client:
        client.config_set("requirepass", "")
        try:
            assert await answers_anybody(valkey.url)
        finally:
            client.config_set("requirepass", valkey.password)
    assert not await answers_anybody(valkey.url)


class OpenNats(Nats):
    """A server that takes everybody."""

    def spawn(self) -> Spawn:
        return Spawn(
            [venv_program("nats-server"), "-a", HOST, "-p", str(self.port), "-m", str(self.monitor_port)],
            cwd=self.data_dir,
        )

    def ready(self) -> bool:
        return answers(f"http://{HOST}:{self.monitor_port}/healthz")


@pytest.fixture
def open_nats(tmp_path: Path) -> Iterator[str]:
    port, monitor = ports.claim(2)
    server = OpenNats(tmp_path / "nats", tmp_path / "log", port, monitor, secrets.token_hex(20))
    try:
        server.run()
        yield server.url
    finally:
        server.stop()


async def test_a_nats_without_a_password_is_found(nats: Nats, open_nats: str) -> None:
    assert not await takes_anybody(nats.url)
    assert await takes_anybody(open_nats)


async def test_a_bucket_that_is_listed_to_everybody_is_found(s3: S3) -> None:
    assert not await lists_to_anybody(s3.url, s3.bucket)
    await asyncio.to_thread(_make_public, s3)
    try:
        assert await lists_to_anybody(s3.url, "berth-public")
    finally:
        await asyncio.to_thread(_client(s3).delete_bucket, Bucket="berth-public")
    assert not await lists_to_anybody(s3.url, s3.bucket)


def _client(s3: S3) -> Any:
    return boto3.client(
        "s3", endpoint_url=s3.url, aws_access_key_id=s3.access_key, aws_secret_access_key=s3.secret_key,
        region_name="us-east-1",
    )  # fmt: skip


def _make_public(s3: S3) -> None:
    places = ["arn:aws:s3:::berth-public", "arn:aws:s3:::berth-public/*"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["s3:ListBucket"], "Resource": places}
    client = _client(s3)
    client.create_bucket(Bucket="berth-public")
    client.put_bucket_policy(
        Bucket="berth-public", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    ensure_authorities(tmp_path / "pki")
    return tmp_path / "pki"


def _both_alike(keys: Path) -> None:
    shutil.copy(keys / "user_ca", keys / "host_ca")


SPOILS: dict[str, Callable[[Path], object]] = {
    "can read": lambda keys: (keys / "user_ca").unlink(),
    "others can neither read nor write": lambda keys: (keys / "host_ca").chmod(0o644),
    "(chmod 600)": lambda keys: (keys / "host_ca").chmod(0o620),
    "without a passphrase": lambda keys: (keys / "user_ca").write_text("nothing"),
    "two different keys": _both_alike,
}


def test_keys_that_are_two_and_private_are_good(keys: Path) -> None:
    assert list(find_key_faults(keys)) == []
    (keys / "user_ca").chmod(0o440)  # as Kubernetes hands them to a group
    assert list(find_key_faults(keys)) == []


@pytest.mark.parametrize("words", sorted(SPOILS))
def test_keys_that_others_may_have_are_named(keys: Path, words: str) -> None:
    SPOILS[words](keys)
    assert any(words in fault for fault in find_key_faults(keys))


@pytest.fixture
def production(database: DatabaseUrls, valkey: Valkey, nats: Nats, s3: S3, keys: Path) -> Settings:
    """Settings of a production whose services are real."""
    services = {"DATABASE_URL": database.app, "VALKEY_URL": valkey.url, "NATS_URL": nats.url, "PKI_DIR": str(keys)}
    store = {"S3_URL": s3.url, "S3_BUCKET": s3.bucket, "ALLOW": "plain-s3,local-s3"}
    return load_settings(good_environment(**services, **store))


async def test_good_services_are_taken_and_silent_ones_named(production: Settings) -> None:
    assert await ask_services(production) == Found()
    away = msgspec.structs.replace(production, valkey_url="redis://:x@127.0.0.1:1/0", nats_url="nats://a:b@127.0.0.1:1")
    found = await ask_services(away)
    assert found == Found((), ("BERTH_VALKEY_URL", "BERTH_NATS_URL"))


async def test_what_services_say_is_a_fault_of_the_setting(production: Settings, database: DatabaseUrls) -> None:
    owner = msgspec.structs.replace(production.database, url=database.owner)
    found = await ask_services(msgspec.structs.replace(production, database=owner, pki_dir=Path("/nowhere")))
    assert {fault.setting for fault in found.faults} == {"BERTH_DATABASE_URL", "BERTH_PKI_DIR"}
    with pytest.raises(SettingsError, match="BERTH_DATABASE_URL must name a role that"):
        await service_checks.confirm(msgspec.structs.replace(production, database=owner))


async def test_nothing_is_asked_in_development(production: Settings) -> None:
    assert await ask_services(msgspec.structs.replace(production, env="development", valkey_url="redis://x")) == Found()


async def test_who_was_silent_is_asked_until_they_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([Found(silent=("BERTH_VALKEY_URL",)), Found(silent=("BERTH_VALKEY_URL",)), Found()])

    async def ask(_settings: object) -> Found:
        return next(said)

    monkeypatch.setattr(service_checks, "ask_services", ask)
    process = SimpleNamespace(settings=None, silent=("BERTH_VALKEY_URL",))
    ended: list[bool] = []
    await keep_asking(process, lambda: ended.append(True), pause=0)  # type: ignore[arg-type]
    assert not process.silent and not ended


async def test_what_is_found_late_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([Found(silent=("BERTH_VALKEY_URL",)), Found((Fault("BERTH_VALKEY_URL", service_checks.OPEN),))])

    async def ask(_settings: object) -> Found:
        return next(said)

    monkeypatch.setattr(service_checks, "ask_services", ask)
    process = SimpleNamespace(settings=None, silent=("BERTH_VALKEY_URL",))
    ended: list[bool] = []
    await keep_asking(process, lambda: ended.append(True), pause=0)  # type: ignore[arg-type]
    assert ended and process.silent


@pytest.fixture
def unconfirmed(runtime: Runtime) -> Runtime:
    runtime.silent = ("BERTH_NATS_URL", "BERTH_VALKEY_URL")
    return runtime


async def test_a_process_whose_services_were_not_asked_is_not_ready(
    unconfirmed: Runtime, client: httpx.AsyncClient
) -> None:
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["settings"]) == (503, False)
    unconfirmed.silent = ("BERTH_NATS_URL",)  # pages do without
    assert (await client.get("/readyz")).status_code == 200
