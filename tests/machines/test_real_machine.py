"""What a launch sends, on a real machine (`tests/fixtures/machine.py`): systemd, cloud-init and OpenSSH of Debian."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest

from app.domains.provisioning.rules.cloud_init import MachineIdentity, Tenant, user_data
from app.domains.provisioning.service.deploying import node_script
from app.shared.pki import LocalAuthority
from devstack.keys import ensure_authorities
from tests.fixtures.machine import Machine, booted

ALIAS = "node-07"
TENANT = Tenant(login="ada", uid=20001, gecos="Ada \U0001f680 Märsh", principal="alloc:a1:ada")
NODE = "/usr/local/sbin/berth-node"
# Four GPUs without a driver behind them: to open one gives ENXIO, unless the kernel refuses with EPERM before it asks.
GPUS = """
for minor in 0 1 2 3 255; do mknod -m 666 "/dev/nvidia$minor" c 195 "$minor"; done
mv /dev/nvidia255 /dev/nvidiactl
cat >/usr/bin/nvidia-smi <<'SMI'
#!/bin/sh
for gpu in 0 1 2 3; do
    echo "$gpu, NVIDIA L40S, GPU-aaaa-$gpu, 46068, 00000000:0$gpu:00.0"
done
SMI
cat >/usr/bin/reach <<'REACH'
#!/usr/bin/python3
import errno, os
def opens(path):
    try:
        os.open(path, os.O_RDWR)
    except OSError as error:
        return error.errno != errno.EPERM
    return True
found = ",".join(str(n) for n in range(4) if opens(f"/dev/nvidia{n}"))
print(found or "none", "as told", os.environ.get("CUDA_VISIBLE_DEVICES", "nothing"), flush=True)
REACH
chmod 755 /usr/bin/nvidia-smi /usr/bin/reach
mkdir -p /etc/systemd/logind.conf.d
printf '[Login]\\nUserStopDelaySec=0\\n' >/etc/systemd/logind.conf.d/soon.conf
"""
BY_SOCKET = """
rm -f /etc/systemd/system/multi-user.target.wants/ssh.service /etc/systemd/system/sshd.service
mkdir -p /etc/systemd/system/sockets.target.wants
ln -sf /usr/lib/systemd/system/ssh.socket /etc/systemd/system/sockets.target.wants/
"""
NOT_YET = "touch /etc/ssh/sshd_not_to_be_run\n"  # the unit asks for it
# Somebody comes before cloud-init has written anything.
KNOCK = """
cat >/etc/systemd/system/knock.service <<'UNIT'
[Unit]
After=ssh.socket basic.target
Before=cloud-final.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'exec 3<>/dev/tcp/127.0.0.1/22; read -t 30 banner <&3; echo "$banner" >/run/knocked'
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -sf /etc/systemd/system/knock.service /etc/systemd/system/multi-user.target.wants/
"""


class Site:
    """One machine with the authorities that it trusts, and people who come by OpenSSH."""

    def __init__(self, machine: Machine, authority: LocalAuthority, folder: Path) -> None:
        self.machine, self.authority, self.folder = machine, authority, folder
        self.serial = 0
        (folder / "known_hosts").write_text(f"@cert-authority {ALIAS} {authority.host_ca_public}\n")

    def options(self, login: str, *, forwards: bool = False) -> list[str]:
        """What `berth ssh-config` writes, with a certificate as its command makes; `serial` is that of the newest."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        now = datetime.now(UTC)
        principal = "berth-mgmt:n1abcd" if login == "berth-mgmt" else f"alloc:a1:{login}"
        line = key.export_public_key().decode().strip()
        self.serial, certificate = self.authority.sign_user(
            line, principal, (principal,), now - timedelta(minutes=1), now + timedelta(minutes=5),
            permit_pty=True, permit_forwarding=forwards,
        )  # fmt: skip
        path = self.folder / f"{login}-{forwards}"
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_bytes(key.export_private_key())
        (self.folder / f"{path.name}-cert.pub").write_text(certificate + "\n")
        settings = {
            "User": login, "HostKeyAlias": ALIAS, "IdentityFile": path, "CertificateFile": f"{path}-cert.pub",
            "IdentitiesOnly": "yes", "UserKnownHostsFile": self.folder / "known_hosts", "GlobalKnownHostsFile": "none",
            "StrictHostKeyChecking": "yes", "BatchMode": "yes", "LogLevel": "ERROR", "ConnectTimeout": 10,
        }  # fmt: skip
        return ["-F", "none", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]

    def ssh(self, login: str, command: str, *more: str, forwards: bool = False) -> subprocess.CompletedProcess[str]:
        """A command on the machine, without a terminal and without a login shell."""
        return self.machine.client("ssh", *self.options(login, forwards=forwards), *more, "127.0.0.1", command)

    def node(self, words: str) -> dict[str, object]:
        """The management command, as our own workers call it."""
        done = self.ssh("berth-mgmt", f"sudo {NODE} {words}")
        answer: dict[str, object] = json.loads(done.stdout)
        assert answer["ok"], answer
        return answer


@contextmanager
def site(folder: Path, tenant: Tenant | None, prepare: str) -> Iterator[Site]:
    ensure_authorities(folder / "pki")
    authority, now = LocalAuthority(folder / "pki"), datetime.now(UTC)
    host = authority.issue_host("berth-x", (ALIAS, "n1abcd"), now - timedelta(minutes=5), now + timedelta(days=1))
    machine = MachineIdentity(
        hostname="train-07",
        management_principal="berth-mgmt:n1abcd",
        host_private=host.private_key,
        host_public=host.public_key,
        host_certificate=host.certificate,
    )
    text = user_data(machine, authority.user_ca_public, node_script(), tenant)
    with booted(text, GPUS + prepare) as running:
        yield Site(running, authority, folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Rented whole; a socket starts sshd, and somebody came before cloud-init was done."""
    with site(tmp_path_factory.mktemp("whole"), TENANT, BY_SOCKET + KNOCK) as found:
        yield found


@contextmanager
def in_slices(folder: Path) -> Iterator[Site]:
    """Ada has GPUs 0 and 1, Ben 2 and 3, Cleo none; sshd is a service."""
    with site(folder, None, "") as found:
        for login, uid, gpus in (("ada", 20001, "0,1"), ("ben", 20002, "2,3"), ("cleo", 20003, "none")):
            found.node(f"user-add --login {login} --uid {uid} --principal alloc:a1:{login} --gpus {gpus}")
        yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with in_slices(tmp_path_factory.mktemp("shared")) as found:
        yield found


def check_boot(found: Site) -> None:
    """cloud-init took every word and did all of it; both logins work, and the machine proved itself to OpenSSH."""
    said = found.machine.run("cloud-init status --format json; cloud-init schema --system", status=None)
    status = json.loads(said[: said.rindex("}") + 1])
    assert (status["status"], status["errors"], status.get("recoverable_errors", {})) == ("done", [], {})
    assert "Valid schema" in said
    assert found.machine.run("systemctl --failed --plain --no-legend") == ""
    assert found.node("gpus")["gpus"]


def test_a_socket_has_started_sshd_before(whole: Site) -> None:
    assert whole.machine.run("cat /run/knocked").startswith("SSH-2.0-")
    check_boot(whole)
    assert whole.ssh("ada", "id -un").stdout == "ada\n"
    assert whole.machine.run("systemctl is-active ssh.socket") == "active\n"


def test_sshd_as_a_service_runs_before(shared: Site) -> None:
    check_boot(shared)
    assert shared.ssh("ada", "id -un").stdout == "ada\n"


@pytest.mark.parametrize("prepare", [BY_SOCKET, NOT_YET], ids=["socket", "service"])
def test_sshd_starts_when_cloud_init_is_done(tmp_path: Path, prepare: str) -> None:
    with site(tmp_path, TENANT, prepare) as found:
        assert found.machine.run("systemctl is-active ssh.service", status=None) == "inactive\n"
        if prepare == NOT_YET:
            found.machine.run("rm /etc/ssh/sshd_not_to_be_run; systemctl start ssh.service")
        check_boot(found)
        assert found.ssh("ada", "id -un").stdout == "ada\n"


def test_a_connection_outlives_activation(whole: Site) -> None:
    words = f"sudo {NODE} activate >/dev/null; echo still here"
    assert whole.ssh("ada", words).stdout == "still here\n"
    assert whole.ssh("ada", "true").returncode == 0


def test_who_rents_a_whole_machine_is_root_without_a_password(whole: Site) -> None:
    done = whole.ssh("ada", "sudo -n id -u; hostname; getent passwd ada")
    assert (done.stdout.splitlines()[:2], done.stderr) == (["0", "train-07"], "")
    assert TENANT.gecos in done.stdout


def ask(found: Site, login: str, port: int, *, forwards: bool) -> subprocess.CompletedProcess[str]:
    """Through the machine to a port of its own."""
    words = [*found.options(login, forwards=forwards), "-W", f"127.0.0.1:{port}", "127.0.0.1"]
    return found.machine.client("timeout", "5", "ssh", *words)


def test_on_a_whole_machine_ports_sockets_and_the_agent_are_forwarded(whole: Site) -> None:
    assert ask(whole, "ada", 22, forwards=True).stdout.startswith("SSH-2.0-")
    done = whole.ssh(
        "ada", "ssh-keygen -q -N '' -t ed25519 -f k; ssh-add -q k; ssh-add -l; "
        "timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/9022; head -c 4 <&3'",
        "-A", "-R", "9022:127.0.0.1:22", "-L", "9023:127.0.0.1:22", "-o", "ExitOnForwardFailure=yes", forwards=True,
    )  # fmt: skip
    assert done.stdout.endswith("SSH-"), done.stderr


def test_own_keys_on_a_whole_machine_may_forward_too(whole: Site, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "own"], check=True)
    kind, body = (tmp_path / "own.pub").read_text().split()[:2]
    whole.node(f"keys --login ada --keys 01a20f94-b262-778f-84fe-63ffb607a659:{kind}:{body}")
    options = whole.options("ada")
    at = options.index(f"IdentityFile={whole.folder / 'ada-False'}")
    options[at] = f"IdentityFile={tmp_path / 'own'}"
    words = [word for word in options if not word.startswith("CertificateFile=")]
    words = [word for at, word in enumerate(words) if word != "-o" or words[at + 1 : at + 2] != ["-o"]]
    done = whole.machine.client("timeout", "5", "ssh", *words, "-W", "127.0.0.1:22", "127.0.0.1")
    assert done.stdout.startswith("SSH-2.0-"), done.stderr


@pytest.mark.parametrize("name", ["whole", "shared"])
@pytest.mark.parametrize("old", [[], ["-O"]], ids=["sftp", "rcp"])
def test_files_go_both_ways(request: pytest.FixtureRequest, tmp_path: Path, name: str, old: list[str]) -> None:
    found: Site = request.getfixturevalue(name)
    (tmp_path / "naïve file").write_bytes(os.urandom(1_000_000))
    options = found.options("ada")
    there = found.machine.client("scp", *old, *options, str(tmp_path / "naïve file"), "127.0.0.1:there")
    back = found.machine.client("scp", *old, *options, "127.0.0.1:there", str(tmp_path / "back"))
    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    assert (tmp_path / "back").read_bytes() == (tmp_path / "naïve file").read_bytes()


def test_an_editor_works_through_sftp(shared: Site) -> None:
    words = ["sftp", *shared.options("ada"), "-b", "-", "127.0.0.1"]
    done = shared.machine.client(*words, stdin="mkdir made\ncd made\npwd\ncd ..\nrename made moved\nls -la\n")
    assert done.returncode == 0, done.stderr
    assert "/home/ada/made" in done.stdout and "moved" in done.stdout


@pytest.mark.parametrize("name", ["whole", "shared"])
def test_a_certificate_that_ended_opens_nothing_and_its_connection_is_over(
    request: pytest.FixtureRequest, name: str
) -> None:
    found: Site = request.getfixturevalue(name)
    options = found.options("ada")
    serial = found.serial
    with found.machine.start_client("ssh", *options, "127.0.0.1", "echo in; exec sleep 600") as ended:
        assert ended.stdout is not None
        assert ended.stdout.readline() == "in\n"
        other = found.options("ada", forwards=True)
        with found.machine.start_client("ssh", *other, "127.0.0.1", "echo in; read -r line; echo on") as kept:
            assert kept.stdout is not None
            assert kept.stdout.readline() == "in\n"
            done = found.node(f"end-certificates --login ada --serials {serial}")
            assert done["refuses"] is True
            assert ended.wait(30) == 255
            assert kept.poll() is None or kept.stdout.read() == "on\n"
    assert found.machine.client("ssh", *options, "127.0.0.1", "true").returncode == 255
    assert found.ssh("ada", "true").returncode == 0


def test_own_keys_are_told_by_the_log_and_end_with_their_connections(shared: Site, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "own"], check=True)
    kind, body = (tmp_path / "own.pub").read_text().split()[:2]
    shared.node(f"keys --login cleo --keys 01a20f94-b262-778f-84fe-63ffb607a659:{kind}:{body}")
    options = [
        *(
            "-F",
            "none",
            "-l",
            "cleo",
            "-i",
            str(tmp_path / "own"),
            "-o",
            f"HostKeyAlias={ALIAS}",
            "-o",
            "BatchMode=yes",
        ),
        *("-o", f"UserKnownHostsFile={shared.folder / 'known_hosts'}", "-o", "IdentitiesOnly=yes"),
    ]
    with shared.machine.start_client("ssh", *options, "127.0.0.1", "echo in; exec sleep 600") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        used = shared.node("keys-used --login cleo")["used"]
        assert isinstance(used, list)
        assert len(used) == 1
        shared.node("keys --login cleo --keys none")
        assert process.wait(30) == 255
    assert shared.machine.client("ssh", *options, "127.0.0.1", "true").returncode == 255


def test_a_slice_that_is_given_back_leaves_nothing_behind(shared: Site) -> None:
    shared.node("user-add --login dan --uid 20004 --principal alloc:a1:dan --gpus none")
    shared.ssh(
        "dan",
        "echo '* * * * * true' | crontab -; echo true | at midnight; setsid sleep 600 &>/dev/null & touch /tmp/left",
    )
    with shared.machine.start_client("ssh", *shared.options("dan"), "127.0.0.1", "echo in; exec sleep 600") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        shared.node("user-del --login dan")
        assert process.wait(30) == 255
    assert (
        shared.machine.run("pgrep -u 20004; ls /var/spool/cron/crontabs | grep dan; getent passwd dan", status=None)
        == ""
    )
    places = "/home/dan /tmp/left /etc/berth/gpus/dan /etc/ssh/auth_*/dan /etc/systemd/system/user-20004.slice.d/*"
    assert shared.machine.run(f"ls -d {places} 2>/dev/null; grep dan /etc/pam.d/berth-gpus", status=None) == ""
    assert shared.machine.run("ls /var/spool/cron/atjobs | grep -v SEQ", status=None) == ""


def test_a_slice_is_for_shells_and_files_only(shared: Site) -> None:
    assert ask(shared, "ada", 22, forwards=True).returncode != 0
    for more in (["-R", "9022:127.0.0.1:22"], ["-R", "/home/ada/s:127.0.0.1:22"]):
        assert shared.ssh("ada", "true", *more, "-o", "ExitOnForwardFailure=yes", forwards=True).returncode != 0
    assert shared.ssh("ada", "sudo -n true").returncode != 0
    assert shared.ssh("berth-mgmt", "sudo -n id").returncode != 0
    assert shared.ssh("ada", 'echo "${SSH_AUTH_SOCK-none}"', "-A", forwards=True).stdout == "none\n"


ADA, BEN, NONE = "0,1 as told GPU-aaaa-0,GPU-aaaa-1\n", "2,3 as told GPU-aaaa-2,GPU-aaaa-3\n", "none as told \n"
WAYS = {
    "a command": "reach",
    "a terminal": "reach",
    "in the background": "setsid nohup reach >out 2>/dev/null </dev/null; cat out",
    "at": "echo 'reach >at-out' | at now 2>/dev/null; until [ -s at-out ]; do :; done; cat at-out; rm at-out",
    "its own systemd": "mkdir -p .config/systemd/user; cd .config/systemd/user;"
    "export XDG_RUNTIME_DIR=/run/user/$(id -u);"
    "printf '[Service]\\nType=oneshot\\nStandardOutput=truncate:%%h/out\\nExecStart=reach\\n' >r.service;"
    "systemctl --user daemon-reload; systemctl --user start r; cat ~/out",
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_slice_reaches_its_own_gpus_however_it_starts_what_it_runs(shared: Site, way: str) -> None:
    terminal = ["-tt"] if way == "a terminal" else []
    for login, seen in (("ada", ADA), ("ben", BEN), ("cleo", NONE)):
        done = shared.ssh(login, f"unset HISTFILE; {WAYS[way]}", *terminal)
        assert done.stdout.replace("\r", "") == seen, done.stderr


def test_cron_jobs_reach_their_own_gpus(shared: Site) -> None:
    for login in ("ada", "ben"):
        shared.ssh(login, "echo '@reboot reach >cron-out' | crontab -")
    shared.machine.run("rm -f /run/crond.reboot; systemctl restart cron")
    for login, seen in (("ada", ADA), ("ben", BEN)):
        assert shared.ssh(login, "until [ -s cron-out ]; do :; done; cat cron-out; crontab -r").stdout == seen


def test_apps_reach_their_own_gpus_and_outlive_the_session(shared: Site) -> None:
    app = "import subprocess,time; subprocess.run('reach >app-out', shell=True); time.sleep(600)"
    shared.ssh("ben", f'mkdir -p .berth; echo "{app}" >.berth/berth-app')
    shared.node("app-start --login ben --app 0123456789ab")
    assert shared.ssh("ben", "until [ -s app-out ]; do :; done; cat app-out").stdout == BEN
    shared.machine.run("while loginctl show-user ben; do sleep 0.1; done")  # logged out, and seen to be
    assert shared.machine.run("systemctl is-active berth-app-0123456789ab") == "active\n"
    shared.node("app-stop --login ben --app 0123456789ab")


def test_what_no_session_holds_reaches_no_gpu(shared: Site) -> None:
    for unit in ("ssh.service", "cron.service", "atd.service", "user-4711.slice"):
        assert shared.machine.run(f"systemctl show -p DevicePolicy --value {unit}") == "closed\n"
        assert "/195:" not in shared.machine.run(f"systemctl show -p DeviceAllow {unit}")


def test_slices_change_while_people_work_and_hold_after_a_restart(tmp_path: Path) -> None:
    waiting = "touch ready; until [ -e go ]; do :; done; reach"
    with in_slices(tmp_path) as found:
        with found.machine.start_client("ssh", *found.options("cleo"), "127.0.0.1", waiting) as process:
            found.ssh("cleo", "until [ -e ready ]; do :; done")
            found.node("user-del --login ben")
            found.node("user-add --login cleo --uid 20003 --principal alloc:a1:cleo --gpus 3")
            found.ssh("cleo", "touch go")
            assert process.communicate(timeout=60)[0].startswith("3 as told")
        found.machine.cut()
        found.machine.start()
        assert found.ssh("ada", "reach").stdout == ADA
        assert found.ssh("cleo", "reach").stdout == "3 as told GPU-aaaa-3\n"
        assert found.ssh("ben", "true").returncode != 0
        assert found.machine.run("systemctl show -p Result --value berth-guard.service") == "success\n"
