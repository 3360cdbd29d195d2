"""What the database says of the role that we connect as: whether it could change what must not be changed.

PostgreSQL keeps ledger and audit only from roles that do not own them. Asked with connections of its own, and of the
database itself: a name says nothing about what a role may do.
"""

import secrets
from urllib.parse import quote, urlsplit

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import TupleRow

SECONDS = 3
QUESTIONS = {
    "is no superuser": "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
    "does not bypass row security": "(SELECT rolbypassrls FROM pg_roles WHERE rolname = current_user)",
    "makes no roles": "(SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user)",
    "does not replicate": "(SELECT rolreplication FROM pg_roles WHERE rolname = current_user)",
    "does not own the database": """(SELECT pg_has_role(current_user, datdba, 'MEMBER') FROM pg_database
        WHERE datname = current_database())""",
    "owns no schema and no table": """(SELECT EXISTS (SELECT FROM pg_namespace
            WHERE nspname !~ '^pg_' AND nspname <> 'public' AND nspname <> 'information_schema'
            AND pg_has_role(current_user, nspowner, 'MEMBER'))
        OR EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p')
            AND c.relpersistence <> 't' AND pg_has_role(current_user, c.relowner, 'MEMBER')))""",
    "has no right to all data, files or programs of the server": """(SELECT EXISTS (SELECT FROM pg_roles
            WHERE rolname IN ('pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',
                'pg_execute_server_program') AND pg_has_role(current_user, oid, 'MEMBER')))""",
    "may not change ledger and audit": """(SELECT EXISTS (SELECT FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname, c.relname) IN (('billing', 'ledger_entries'), ('billing', 'ledger_transactions'),
                ('admin', 'audit_logs')) AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')))""",
}
ALL = ("SELECT " + ", ".join(QUESTIONS.values())).encode()


async def find_role_faults(url: str) -> list[str]:
    """What the role at `url` must be and is not. Raises OperationalError when the database does not answer."""
    async with await _connect(url) as connection:
        row = await (await connection.execute(ALL)).fetchone()
    found = [requirement for requirement, broken in zip(QUESTIONS, row or (), strict=True) if broken]
    faults = [f"must name a role that {requirement}" for requirement in found]
    if await _takes_anything(url):
        faults.append("must be a database that asks for the password: it took another one")
    return faults


async def _takes_anything(url: str) -> bool:
    """Whether a password that nobody knows is as good as ours (`trust` in pg_hba.conf)."""
    parts = urlsplit(url)
    if not parts.password:
        return False  # it is known by its certificate
    netloc = f"{parts.username or ''}:{quote(secrets.token_urlsafe(12))}@{parts.netloc.rpartition('@')[2]}"
    try:
        async with await _connect(parts._replace(netloc=netloc).geturl()):
            return True
    except OperationalError:
        return False


async def _connect(url: str) -> AsyncConnection[TupleRow]:
    return await AsyncConnection.connect(
        url, autocommit=True, connect_timeout=SECONDS, prepare_threshold=None, application_name="berth-check"
    )
