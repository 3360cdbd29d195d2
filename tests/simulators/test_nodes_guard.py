"""berth-node: what each login may open, and how sshd comes to read its configuration. With noted programs; the same
on a real machine is `tests/machines/test_real_machine.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulators.test_nodes_script import ADD, Root

# Their numbers are not their places: the driver has the third GPU first.
SMI = """
echo '0, NVIDIA L40S, GPU-aa, 46068, 00000000:3B:00.0'
echo '1, NVIDIA L40S, GPU-bb, 46068, 00000000:5E:00.0'
echo '2, NVIDIA L40S, GPU-cc, 46068, 0000000A:86:00.0'
"""
MINORS = {"0000:3b:00.0": 1, "0000:5e:00.0": 2, "000a:86:00.0": 0}
RULES = "etc/systemd/system/user-20001.slice.d/50-berth-gpus.conf"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    found = Root(tmp_path)
    found.program("systemctl", ":")
    found.program("nvidia-modprobe", ":")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return found


def with_driver(root: Root) -> None:
    root.program("nvidia-smi", SMI)
    for place, minor in MINORS.items():
        folder = root.folder / "proc/driver/nvidia/gpus" / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "information").write_text(f"Model: \t\t NVIDIA L40S\nGPU UUID: \t ????\nDevice Minor: \t {minor}\n")


def opened(root: Root, path: str = RULES) -> list[str]:
    """The GPUs that a slice lets through, by the numbers of their devices."""
    text = root.read(path)
    assert text.startswith("[Slice]\nDevicePolicy=closed\n")
    found = [
        line.split()[0].rpartition(":")[2]
        for line in text.splitlines()
        if line.startswith("DeviceAllow=/dev/char/195:")
    ]
    return [number for number in found if number not in ("254", "255")]


def test_a_login_is_told_its_gpus_by_their_lasting_names_and_let_through_to_their_devices(root: Root) -> None:
    with_driver(root)
    assert root.run(*ADD, "--gpus", "0,2")[0] == 0
    assert root.read("etc/berth/gpus/ada") == (
        "CUDA_DEVICE_ORDER=PCI_BUS_ID\nCUDA_VISIBLE_DEVICES=GPU-aa,GPU-cc\nBERTH_GPUS=0,2\n"
    )
    assert opened(root) == ["1", "0"]
    assert root.run("status")[1]["accounts"][0]["gpus"] == "0,2"
    assert sum(line.startswith("nvidia-smi") for line in root.log) == 1  # which may take seconds


def test_where_the_driver_tells_no_places_an_index_is_the_number_of_a_device(root: Root) -> None:
    root.program("nvidia-smi", "echo '0, L40S, GPU-aa, 46068'; echo '1, L40S, GPU-bb, 46068'; echo 'noise'")
    assert root.run(*ADD, "--gpus", "1")[0] == 0
    assert opened(root) == ["1"]
    assert "CUDA_VISIBLE_DEVICES=GPU-bb\n" in root.read("etc/berth/gpus/ada")


def test_without_a_driver_a_gpu_is_named_by_its_index(root: Root) -> None:
    assert root.run(*ADD, "--gpus", "0,2")[0] == 0
    assert root.read("etc/berth/gpus/ada") == "CUDA_DEVICE_ORDER=PCI_BUS_ID\nCUDA_VISIBLE_DEVICES=0,2\n"
    assert opened(root) == ["0", "2"]


def test_a_gpu_that_does_not_answer_is_nobodys(root: Root) -> None:
    with_driver(root)
    assert root.run(*ADD, "--gpus", "1,7")[0] == 0
    assert opened(root) == ["2"]


def test_a_login_without_gpus_opens_none_and_no_other_account_does(root: Root) -> None:
    with_driver(root)
    assert root.run(*ADD, "--gpus", "none")[0] == 0
    assert "195" not in root.read(RULES)
    assert "195" not in root.read("etc/systemd/system/user-.slice.d/50-berth-gpus.conf")
    assert root.read("etc/systemd/system/user-0.slice.d/50-berth-gpus.conf") == (
        "[Slice]\nDevicePolicy=auto\nDeviceAllow=\n"
    )


@pytest.mark.parametrize("smi", ["exit 1", ":"])
def test_while_the_driver_does_not_answer_nobody_is_let_in_and_no_gpu_is_open(root: Root, smi: str) -> None:
    with_driver(root)
    root.run(*ADD, "--gpus", "0")
    root.program("nvidia-smi", smi)
    assert root.run("user-add", "--login", "ben", "--uid", "20002", "--principal", "p", "--gpus", "1")[0] == 1
    assert not (root.folder / "etc/ssh/auth_principals/ben").exists()
    assert root.run("guard")[0] == 1
    assert opened(root) == []


def test_at_each_start_of_the_machine_the_devices_are_looked_up_anew(root: Root) -> None:
    with_driver(root)
    root.run(*ADD, "--gpus", "0")
    assert opened(root) == ["1"]
    MINORS_NOW = root.folder / "proc/driver/nvidia/gpus/0000:3b:00.0/information"
    MINORS_NOW.write_text("Device Minor: \t 6\n")
    assert root.run("guard") == (0, {"ok": True, "command": "guard"})
    assert opened(root) == ["6"]
    unit = root.read("etc/systemd/system/berth-guard.service")
    assert "ExecStart=/usr/local/sbin/berth-node guard\n" in unit
    assert (root.folder / "etc/systemd/system/multi-user.target.wants/berth-guard.service").resolve().exists()


def test_nobody_is_let_in_before_the_rule_is_loaded(root: Root) -> None:
    root.program("systemctl", '[ "$1" != daemon-reload ]')
    assert root.run(*ADD, "--gpus", "0")[0] == 1
    assert not (root.folder / "etc/ssh/auth_principals/ada").exists()


def test_every_session_is_told_and_a_file_of_pam_is_changed_once(root: Root) -> None:
    pam = root.folder / "etc/pam.d"
    pam.mkdir(parents=True)
    for name in ("common-session", "common-session-noninteractive", "cron"):
        (pam / name).write_text("session required pam_unix.so\n")
    for _ in range(2):
        root.run(*ADD, "--gpus", "0")
    for name in ("common-session", "common-session-noninteractive"):
        assert (pam / name).read_text().splitlines()[1:] == ["session include berth-gpus"]
    assert (pam / "cron").read_text().splitlines()[1:] == ["session optional pam_systemd.so"]
    assert not (pam / "system-auth").exists()
    assert "pam_succeed_if.so quiet user = ada\n" in (pam / "berth-gpus").read_text()
    root.run("user-del", "--login", "ada")
    root.run("user-add", "--login", "ben", "--uid", "20002", "--principal", "p", "--gpus", "1")
    assert "user = ada\n" not in (pam / "berth-gpus").read_text()
    assert not (root.folder / RULES).exists()


def test_on_a_machine_rented_whole_nobody_is_kept_apart(root: Root) -> None:
    (root.folder / "etc/berth").mkdir(parents=True)
    (root.folder / "etc/berth/whole").touch()
    assert root.run("guard")[0] == 0
    assert not (root.folder / "etc/systemd").exists()


UNITS = """
case "$1 $2" in
    "is-failed --quiet") [ "$3" = "$(cat "$BERTH_NODE_ROOT/failed")" ] ;;
    "show --property=Id") printf 'ssh.service\n\n%s\n' "$(cat "$BERTH_NODE_ROOT/alias")" ;;
    "show --property=ActiveState") [ "$4" != ssh.service ] || cat "$BERTH_NODE_ROOT/state" ;;
esac
"""


@pytest.mark.parametrize(
    ("state", "restarted"),
    [("active", True), ("activating", True), ("reloading", True), ("failed", True), ("inactive", False)],
)
@pytest.mark.parametrize("alias", ["ssh.service", "sshd.service"])
def test_activation_restarts_an_sshd_that_runs_and_starts_none(
    root: Root, state: str, restarted: bool, alias: str
) -> None:
    root.program("sshd", ":")
    root.program("systemctl", UNITS)
    for name, text in (("state", state), ("alias", alias), ("failed", "ssh.socket")):
        (root.folder / name).write_text(text)
    assert root.run("activate") == (0, {"ok": True, "command": "activate"})
    assert ("systemctl restart ssh.service" in root.log) is restarted
    assert "systemctl restart ssh.socket" in root.log
    assert not any("reload ssh" in line or "restart sshd" in line for line in root.log)


def test_a_configuration_that_sshd_refuses_leaves_the_running_one_alone(root: Root) -> None:
    root.program("sshd", "exit 255")
    status, answer = root.run("activate")
    assert (status, answer["error"]) == (1, "sshd refuses its configuration")
    assert not any("restart" in line for line in root.log)
