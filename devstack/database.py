"""Roles and database of the development cluster. Tables are the migrations' business, not ours.

`berth_owner` owns the database and runs migrations; `berth_app` is what the product connects as: no superuser, no
right to create databases, roles, schemas or temporary tables beyond what migrations grant.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import psycopg
from psycopg import sql

from devstack.home import ROOT
from devstack.services.base import ServiceFailed

DATABASE, OWNER, APP = "berth", "berth_owner", "berth_app"


def ensure_roles(superuser_url: str, owner_password: str, app_password: str) -> None:
    """Creates both roles or resets their passwords. Roles belong to the whole cluster."""
    with _session(superuser_url) as session:
        for role, password in ((OWNER, owner_password), (APP, app_password)):
            known = session.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone()
            verb = sql.SQL("alter role {} " if known else "create role {} ").format(sql.Identifier(role))
            rights = sql.SQL("login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password {}")
            session.execute(verb + rights.format(sql.Literal(password)))


def ensure_database(superuser_url: str, name: str = DATABASE) -> None:
    """Creates the database, owned by the owner's role; only both roles may connect."""
    database = sql.Identifier(name)
    with _session(superuser_url) as session:
        if not session.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            session.execute(sql.SQL("create database {} owner {}").format(database, sql.Identifier(OWNER)))
        session.execute(sql.SQL("revoke all on database {} from public").format(database))
        session.execute(sql.SQL("grant connect on database {} to {}").format(database, sql.Identifier(APP)))


def migrations_digest() -> str:
    """A fingerprint of every file below migrations/."""
    digest = sha256()
    for path in sorted((ROOT / "migrations").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_migrated(superuser_url: str) -> bool:
    """True when the last successful migration ran with exactly today's migration files (remembered in the database)."""
    with _session(superuser_url) as session:
        statement = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
        row = session.execute(statement, [DATABASE]).fetchone()
    return row is not None and row[0] == f"migrations {migrations_digest()}"


def mark_migrated(superuser_url: str) -> None:
    """Remembers in the database which migration files it has seen."""
    with _session(superuser_url) as session:
        remark = sql.Literal(f"migrations {migrations_digest()}")
        session.execute(sql.SQL("comment on database {} is {}").format(sql.Identifier(DATABASE), remark))


@contextmanager
def _session(url: str) -> Iterator[psycopg.Connection]:
    """Raises ServiceFailed where the cluster lets nobody in."""
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        cause = str(error).strip().splitlines()[-1]
        raise ServiceFailed(f"PostgreSQL cannot be entered ({cause}); ./berth reset starts afresh") from error
    with connection:
        yield connection
