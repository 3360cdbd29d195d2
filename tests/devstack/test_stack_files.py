"""Ports, remembered state, secrets, the product's environment and the shape of `status --json`."""

import json
import os
import socket
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from app.settings import load_settings
from devstack import keys, processes, runfile
from devstack.home import PORT_NAMES, Home, HomeError, Secrets, State
from devstack.plan import Plan
from devstack.report import Report
from devstack.services import ports
from devstack.services.base import Service, Spawn
from devstack.supervisor import Part


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "logs").mkdir()
    return Home(tmp_path)


@pytest.fixture
def plan(home: Home) -> Plan:
    numbers = dict(zip([*PORT_NAMES, "web"], range(20001, 20100), strict=False))
    return Plan(home, State(ports=numbers), Secrets.load(home))


def _listen(port: int = 0) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", port))
    return listener


def test_a_port_that_someone_listens_on_is_not_free_and_its_holder_is_named() -> None:
    with closing(_listen()) as listener:
        port = listener.getsockname()[1]
        assert not ports.is_free(port)
        holder = ports.holder(port)
        assert holder is not None
        assert holder[0] == os.getpid()
    assert ports.is_free(port)
    assert ports.holder(port) is None


def test_chosen_ports_differ_and_avoid_the_range_of_outgoing_connections() -> None:
    chosen = ports.choose(20, taken=[ports.LOWEST])
    assert len(set(chosen)) == 20
    assert all(ports.LOWEST < port < ports.HIGHEST for port in chosen)


def test_a_reserved_port_is_refused_to_another_process_until_this_one_ends() -> None:
    [port] = ports.choose()
    ask = "import sys; from devstack.services import ports; print(ports.reserve(int(sys.argv[1])))"
    assert ports.reserve(port)
    said = subprocess.run([sys.executable, "-c", ask, str(port)], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"


def test_remembered_ports_are_kept_and_only_a_taken_one_changes(home: Home) -> None:
    first = State.load(home)
    first.settle_ports()
    first.settle_web_port(ports.choose()[0])
    first.save(home)
    remembered = State.load(home)
    assert remembered.ports == first.ports
    [foreign] = ports.choose(taken=first.ports.values())
    remembered.ports["valkey"] = foreign
    with closing(_listen(foreign)):
        [line] = remembered.settle_ports()
    assert line.startswith(f"port {foreign} of valkey is taken by process {os.getpid()}")
    assert {name for name, port in remembered.ports.items() if port != first.ports[name]} == {"valkey"}


def test_a_simulated_provider_that_had_to_move_is_an_issuer_of_before(home: Home) -> None:
    """Its people stay who they were: an issuer is named by its port."""
    state = State()
    [foreign] = ports.choose()
    state.ports["oidc"] = foreign
    with closing(_listen(foreign)):
        state.settle_ports()
    state.ports["web"] = 1
    state.save(home)
    assert State.load(home).earlier_oidc == [foreign]
    environment = Plan(home, State.load(home), Secrets.load(home)).environment()
    assert environment["BERTH_OIDC_EARLIER_ISSUERS"] == f"http://localhost:{foreign}"


def test_a_taken_web_port_gives_way_to_the_next_free_one(home: Home) -> None:
    with closing(_listen()) as listener:
        wanted = listener.getsockname()[1]
        state = State()
        [line] = state.settle_web_port(wanted)
    assert state.ports["web"] > wanted
    assert line.startswith(f"port {wanted} is taken by process {os.getpid()}")
    assert line.endswith(f"using {state.ports['web']}")


def test_secrets_are_made_once_and_only_their_owner_reads_them(home: Home) -> None:
    made = Secrets.load(home)
    assert Secrets.load(home) == made
    assert stat.S_IMODE((home.path / "secrets.json").stat().st_mode) == 0o600
    assert len(made.secret_key) == 64
    assert made.maas_api_key.count(":") == 2


def test_an_unreadable_file_is_named_instead_of_replaced(home: Home) -> None:
    (home.path / "state.json").write_text("{")
    with pytest.raises(HomeError, match=r"state\.json cannot be read"):
        State.load(home)
    assert (home.path / "state.json").read_text() == "{"


def test_the_authorities_are_private_openssh_keys_made_once(home: Home) -> None:
    keys.ensure_authorities(home.path / "pki")
    first = (home.path / "pki" / "user_ca").read_text()
    keys.ensure_authorities(home.path / "pki")
    assert first.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert (home.path / "pki" / "user_ca").read_text() == first
    assert (home.path / "pki" / "host_ca.pub").read_text().startswith("ssh-ed25519 ")
    assert stat.S_IMODE((home.path / "pki" / "host_ca").stat().st_mode) == 0o600


def test_the_products_settings_accept_the_environment_that_up_writes(plan: Plan) -> None:
    settings = load_settings(plan.environment())
    assert settings.web.public_url == plan.url
    assert settings.database.url.startswith("postgresql://berth_app:")
    assert settings.stripe.secret_key == plan.simulator_config()["stripe"]["secret_key"]
    assert settings.maas.node_ssh_port == plan.simulator_config()["nodes"]["ssh_port"]


def test_status_has_the_promised_shape(plan: Plan) -> None:
    status = json.loads(json.dumps(runfile.describe(plan, {}, "starting")))
    assert tuple(status["services"]) == runfile.NAMES
    assert all(service.keys() == {"url", "pid", "log", "ready"} for service in status["services"].values())
    assert status["maas"].keys() == {"url", "api_key", "admin_api_key"}
    assert status["stripe"].keys() == {"url", "secret_key", "webhook_secret"}
    assert status["oidc"] == {"issuer": f"http://localhost:{plan.port('oidc')}"}
    assert status["logins"].keys() == {"customer", "demo", "new", "operator"}


def test_two_homes_have_different_names_for_their_cookies(tmp_path: Path) -> None:
    assert Home(tmp_path / "a").instance != Home(tmp_path / "b").instance


def test_the_lock_of_a_home_names_its_holder(home: Home) -> None:
    assert runfile.Lock(home).holder() is None
    assert runfile.Lock(home).take()
    assert runfile.Lock(home).holder() == os.getpid()
    assert not runfile.Lock(home).take()


def test_marked_processes_are_found_and_ended_and_others_spared(tmp_path: Path) -> None:
    mine = subprocess.Popen(["sleep", "60"], env={**os.environ, processes.MARKER: str(tmp_path)})
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, processes.MARKER: f"{tmp_path}-other"})
    try:
        found = processes.of_home(tmp_path)
        assert [process.pid for process in found] == [mine.pid]
        processes.end(found)
        assert mine.wait(5) != 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


class _Still(Service):
    """A part that is never started."""

    @property
    def url(self) -> str:
        return ""

    def spawn(self) -> Spawn:
        return Spawn([])

    def ready(self) -> bool:
        return False


def test_pauses_double_to_ten_seconds_and_are_forgotten_after_a_long_life(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part(_Still(Path("/"), Path("/")))
    moment = 1000.0
    monkeypatch.setattr("devstack.supervisor.time.monotonic", lambda: moment)
    part.started = moment - 1
    assert [part.next_pause() for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]
    part.started = moment - 31
    assert part.next_pause() == 0.5


def test_passwords_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Report().part("postgres", 1.0, "postgresql://berth:hunter2@127.0.0.1:1/berth")
    assert "hunter2" not in capsys.readouterr().out
