"""The real programs in production mode: they start with good settings, refuse bad ones in words, name exceptions."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import pytest

from app.cli import backup
from app.cli.settings import main as check_settings
from app.settings import SettingsError
from app.shared.db import migrate
from devstack.keys import ensure_authorities
from devstack.services import ports
from devstack.services.base import answers
from devstack.services.nats import Nats
from devstack.services.s3 import S3
from devstack.services.valkey import Valkey
from tests.fixtures.postgres import DatabaseUrls
from tests.fixtures.relay import until
from tests.settings.good import good_environment
from tests.settings.test_bad_values import VALUES

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120


def words(*command: str) -> list[str]:
    return [sys.executable, "-m", "app.cli", *command]


def environment(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("BERTH_")} | given


@pytest.fixture
def good(database: DatabaseUrls, valkey: Valkey, nats: Nats, s3: S3, tmp_path: Path) -> dict[str, str]:
    """Good settings whose services are real; two exceptions are named."""
    ensure_authorities(tmp_path / "pki")
    return good_environment(
        DATABASE_URL=database.app,
        VALKEY_URL=valkey.url,
        NATS_URL=nats.url,
        PKI_DIR=str(tmp_path / "pki"),
        PORT=str(ports.claim()[0]),
        S3_URL=s3.url,
        S3_BUCKET=s3.bucket,
        ALLOW="plain-s3,local-s3",
    )


def refused(given: dict[str, str], *command: str) -> str:
    """What a process says that does not start."""
    done = subprocess.run(
        words(*command), env=environment(given), cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 2, done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr


@contextmanager
def started(given: dict[str, str], *command: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        words(*command), env=environment(given), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


async def test_the_web_process_starts_is_ready_and_names_its_exceptions(good: dict[str, str]) -> None:
    async def ready() -> bool:
        return process.poll() is not None or answers(f"http://127.0.0.1:{good['BERTH_PORT']}/readyz")

    with started({**good, "BERTH_TRUSTED_PROXY": "10.0.0.1", "BERTH_DEBUG": "1"}, "web") as process:
        await until(ready, SECONDS)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=SECONDS)
    lines = [json.loads(line) for line in out.splitlines()]
    assert any(line.get("allowed") == ["plain-s3", "local-s3"] for line in lines), out + err
    assert any(line["event"] == "web started" for line in lines)
    assert any(line.get("names") == ["BERTH_TRUSTED_PROXY"] for line in lines)
    assert not [secret for name, secret in good.items() if name.endswith(("KEY", "SECRET")) and secret in out + err]


def test_the_web_process_names_all_faults_at_once_and_no_value() -> None:
    bad = good_environment(**dict(reversed(VALUES)) | {"ENV": "production", "APPS_URL": "x"})
    said = refused(bad, "web")
    assert {f"BERTH_{name}" for name, _ in VALUES if name != "ENV"} <= set(said.split())
    assert not [value for name, value in bad.items() if len(value) > 12 and value in said and name != "BERTH_ENV"]


@pytest.mark.parametrize("command", [("worker",), ("ledger", "verify")])
def test_processes_and_commands_refuse_the_owner_of_the_database(
    good: dict[str, str], database: DatabaseUrls, command: tuple[str, ...]
) -> None:
    said = refused({**good, "BERTH_DATABASE_URL": database.owner}, *command)
    assert "BERTH_DATABASE_URL must name a role that owns no schema and no table" in said


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Puts these variables of ours, and no others, into this process's environment."""

    def put(given: dict[str, str]) -> None:
        for name in [name for name in os.environ if name.startswith("BERTH_")]:
            monkeypatch.delenv(name)
        for name, value in given.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize("asks", [migrate.main, backup._connection])
def test_commands_of_the_owner_check_their_settings_too(
    asks: Callable[[], object], only: Callable[[dict[str, str]], None]
) -> None:
    weak = "postgresql://berth_owner:owner@db.internal/berth"
    for given in ({"BERTH_DATABASE_OWNER_URL": weak}, {"BERTH_DATABASE_URL": weak}):
        only(given)
        with pytest.raises(SettingsError, match="BERTH_DATABASE_OWNER_URL"):
            asks()


def test_an_environment_is_checked_without_starting_anything(
    good: dict[str, str], only: Callable[[dict[str, str]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    only({**good, "BERTH_TRUSTED_PROXY": "10.0.0.1"})
    assert check_settings(["--ask"]) == 0
    told = capsys.readouterr().out
    assert "allowed: plain-s3, local-s3" in told
    assert "BERTH_TRUSTED_PROXY: nobody reads it" in told
    only({**good, "BERTH_OIDC_CLIENT_SECRET": token_hex(1)})
    assert check_settings(["--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["faults"][0]["setting"]) == (False, "BERTH_OIDC_CLIENT_SECRET")
