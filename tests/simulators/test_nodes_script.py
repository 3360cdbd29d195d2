"""The real berth-node script: its arguments, and what it does under a root folder of its own with noted programs."""

import json
import subprocess
from pathlib import Path

import asyncssh
import pytest

USER_CA = asyncssh.generate_private_key("ssh-ed25519")
SCRIPT = Path(__file__).parents[2] / "app/domains/provisioning/node_files/berth-node"
ADD = ("user-add", "--login", "ada", "--uid", "20001", "--principal", "alloc:a1:ada")

# Stand-ins for programs that change the system: they note their arguments and keep a passwd file of their own.
PROGRAMS = {
    "getent": 'grep "^$2:" "$BERTH_NODE_ROOT/passwd" || exit 2',
    "useradd": 'for last; do :; done; [ ! -e "$BERTH_NODE_ROOT/useradd-fails" ] || exit 4\n'
    'echo "$last:x:$4:" >>"$BERTH_NODE_ROOT/passwd"',
    "usermod": ":",
    "userdel": 'cd "$BERTH_NODE_ROOT"; grep -v "^$2:" passwd >new; mv new passwd',
    "pkill": ":",
    "pgrep": 'case $1 in -cf) echo 2 ;; *) [ -e "$BERTH_NODE_ROOT/undying" ] ;; esac',
    "loginctl": ":",
    "crontab": ":",
    "sleep": ":",
}


class Root:
    """A root folder with the stand-ins in bin/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        for name, body in PROGRAMS.items():
            self.program(name, body)
        (folder / "passwd").write_text("root:x:0:\nsyslog:x:104:\n")
        (folder / "log").write_text("")

    def program(self, name: str, body: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"$BERTH_NODE_ROOT/log"\n{body}\n')
        path.chmod(0o755)

    def run(self, *arguments: str) -> tuple[int, dict[str, object]]:
        env = {"BERTH_NODE_ROOT": str(self.folder)}
        done = subprocess.run(["/bin/sh", SCRIPT, *arguments], env=env, capture_output=True, text=True, timeout=30)
        assert done.stderr == ""
        assert done.stdout.count("\n") == 1
        return done.returncode, json.loads(done.stdout)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    @property
    def log(self) -> list[str]:
        return self.read("log").splitlines()


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("reboot",), ("gpus", "--login", "ada"), ("status", "x"),
        ("revoke",), ("revoke", "--login"), ("revoke", "--login", ""), ("revoke", "--login", "root"),
        ("revoke", "--login", "berth-mgmt"), ("revoke", "--login", "../../etc/passwd"), ("revoke", "--login", "a b"),
        ("revoke", "--login", "ada\nroot"), ("revoke", "--login", "Ada"), ("revoke", "--login", "-ada"),
        ("revoke", "--login", "a" * 33), ("revoke", "--login", "ada;id"), ("revoke", "--uid", "20001"),
        (*ADD[:4], "0", *ADD[5:]), (*ADD[:4], "19999", *ADD[5:]), (*ADD[:4], "60000", *ADD[5:]),
        (*ADD[:4], "-2000", *ADD[5:]), (*ADD[:4], "20001x", *ADD[5:]), (*ADD[:5],),
        (*ADD[:6], "two words"), (*ADD[:6], 'x" cert-authority'), (*ADD[:6], "one\ntwo"),
        (*ADD[:6], ""), (*ADD[:6], "*"),
        (*ADD, "--gpus", "0,"), (*ADD, "--gpus", "$(id)"), (*ADD, "--gpus", "0 1"), (*ADD, "--gpus", "100"),
        (*ADD, "--shell", "/bin/sh"), (*ADD, "*", "x"),
    ],
)  # fmt: skip
def test_wrong_arguments_touch_nothing(root: Root, arguments: tuple[str, ...]) -> None:
    status, answer = root.run(*arguments)
    assert (status, answer["ok"]) == (2, False)
    assert root.log == []
    assert not (root.folder / "etc").exists()


def test_user_add_makes_the_account_and_then_its_principals(root: Root) -> None:
    assert root.run(*ADD) == (0, {"ok": True, "command": "user-add", "login": "ada"})
    assert "useradd --create-home --user-group --uid 20001 --shell /bin/bash ada" in root.log
    path = root.folder / "etc/ssh/auth_principals/ada"
    assert path.read_text() == "alloc:a1:ada\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["ada"]


def test_user_add_again_changes_only_what_differs(root: Root) -> None:
    root.run(*ADD, "--gpus", "0,1")
    assert root.run(*ADD[:6], "alloc:a2:ada", "--gpus", "3") == (0, {"ok": True, "command": "user-add", "login": "ada"})
    assert sum(line.startswith("useradd") for line in root.log) == 1
    assert root.read("etc/ssh/auth_principals/ada") == "alloc:a2:ada\n"
    assert root.read("etc/berth/gpus/ada") == "CUDA_DEVICE_ORDER=PCI_BUS_ID\nCUDA_VISIBLE_DEVICES=3\n"
    root.run(*ADD, "--gpus", "all")
    assert not (root.folder / "etc/berth/gpus/ada").exists()


def test_nobody_is_let_in_when_the_account_could_not_be_made(root: Root) -> None:
    (root.folder / "useradd-fails").touch()
    assert root.run(*ADD)[0] == 1
    assert not (root.folder / "etc/ssh/auth_principals/ada").exists()


def test_an_account_of_the_system_is_never_touched(root: Root) -> None:
    for command in (("user-del", "--login", "syslog"), (ADD[0], "--login", "syslog", *ADD[3:])):
        status, answer = root.run(*command)
        assert (status, answer["error"]) == (2, "the account exists and is not a managed one")
    assert {line.split()[0] for line in root.log} == {"getent"}


def test_an_account_with_another_uid_is_left_alone(root: Root) -> None:
    root.run(*ADD)
    status, answer = root.run(*ADD[:4], "20002", *ADD[5:])
    assert (status, answer["error"]) == (1, "the account exists with another uid")


def test_revoke_empties_the_principals_before_it_ends_processes(root: Root) -> None:
    root.run(*ADD)
    root.program(
        "pkill", '[ -s "$BERTH_NODE_ROOT/etc/ssh/auth_principals/ada" ] && touch "$BERTH_NODE_ROOT/too-early"; :'
    )
    for _ in range(2):
        assert root.run("revoke", "--login", "ada") == (0, {"ok": True, "command": "revoke", "login": "ada"})
    assert root.read("etc/ssh/auth_principals/ada") == ""
    assert "usermod --expiredate 1 ada" in root.log
    assert "pkill -KILL -u 20001" in root.log
    assert not (root.folder / "too-early").exists()


def test_kill_sessions_leaves_the_principals(root: Root) -> None:
    root.run(*ADD)
    assert root.run("kill-sessions", "--login", "ada")[0] == 0
    assert root.read("etc/ssh/auth_principals/ada") == "alloc:a1:ada\n"
    assert "pkill -KILL -u 20001" in root.log


def test_user_del_leaves_nothing_and_may_be_repeated(root: Root) -> None:
    root.run(*ADD, "--gpus", "0")
    for _ in range(2):
        assert root.run("user-del", "--login", "ada") == (0, {"ok": True, "command": "user-del", "login": "ada"})
    assert "userdel --remove ada" in root.log
    assert not (root.folder / "etc/ssh/auth_principals/ada").exists()
    assert not (root.folder / "etc/berth/gpus/ada").exists()


def test_a_process_that_does_not_end_is_said_so_and_the_account_stays(root: Root) -> None:
    root.run(*ADD)
    (root.folder / "undying").touch()
    status, answer = root.run("user-del", "--login", "ada")
    assert (status, answer["error"]) == (1, "a process of the account did not end")
    assert not any(line.startswith("userdel") for line in root.log)
    assert root.read("etc/ssh/auth_principals/ada") == ""


def test_status_and_gpus_are_json(root: Root) -> None:
    root.run(*ADD, "--gpus", "0,1")
    root.run("user-add", "--login", "ben", "--uid", "20002", "--principal", "alloc:a1:ben", "--gpus", "none")
    root.program("nvidia-smi", "echo '0, NVIDIA \"L40S\", GPU-1, 46068'; echo '1, NVIDIA L40S, GPU-2, 46068'")
    assert root.run("status")[1]["accounts"] == [
        {"login": "ada", "principals": ["alloc:a1:ada"], "gpus": "0,1", "sessions": 2},
        {"login": "ben", "principals": ["alloc:a1:ben"], "gpus": "none", "sessions": 2},
    ]
    assert root.run("gpus")[1]["gpus"] == [
        {"index": 0, "name": "NVIDIA L40S", "uuid": "GPU-1", "memory_mib": 46068},
        {"index": 1, "name": "NVIDIA L40S", "uuid": "GPU-2", "memory_mib": 46068},
    ]


KEY_ID = "01a20f94-b262-778f-84fe-63ffb607a659"
BODY = "AAAAC3NzaC1lZDI1NTE5AAAAIG3ZsXl6F0dUqgYvVt6wXcFhEhPuEOYFKFUiYE8kEhAc"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIKCWg/zE+rty27CsCrGT6dUxuUXfpNVn8Xy3qfSKE6D1"
KEYS = ("keys", "--login", "ada", "--keys", f"{KEY_ID}:ssh-ed25519:{BODY}")
LOG = (
    "1764000000.5 n sshd[4711]: Accepted publickey for ada from 10.0.0.9 port 50 ssh2: ED25519 {one}\n"
    "1764000100.5 n sshd[4712]: Accepted publickey for ada from 10.0.0.9 port 51 ssh2: ED25519 {two}\n"
    "1764000200.5 n sshd-session[4713]: Accepted publickey for ada from 10.0.0.9 port 52 ssh2: ED25519-SK {one}\n"
    "1764000300.5 n sshd[4714]: Accepted publickey for ada2 from 10.0.0.9 port 53 ssh2: ED25519 {one}\n"
    "1764000400.5 n sshd[4715]: Accepted publickey for ada from 10.0.0.9 port 54 ssh2: ED25519-CERT {one} ID x\n"
    "1764000500.5 n sshd[4716]: Failed publickey for ada from Accepted publickey for ada from x: ED25519 {one}\n"
)


def fingerprint(body: str) -> str:
    import base64
    import hashlib

    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(body)).digest()).rstrip(b"=").decode()


def with_log(root: Root) -> None:
    (root.folder / "etc/ssh/berth_user_ca.pub").write_text(USER_CA.export_public_key().decode())
    (root.folder / "sshd.log").write_text(LOG.format(one=fingerprint(BODY), two=fingerprint(OTHER)))
    root.program("journalctl", 'cat "$BERTH_NODE_ROOT/sshd.log"')
    root.program("pgrep", 'case $1 in -f) printf "4711\\n4712\\n4713\\n" ;; *) exit 1 ;; esac')
    root.program("kill", ":")


@pytest.mark.parametrize(
    "keys",
    [
        "", "all", f"{KEY_ID}:ssh-ed25519", f"{KEY_ID}:ssh-ed25519:{BODY},", f"x:ssh-ed25519:{BODY}",
        f"{KEY_ID}:ssh-ed25519:{BODY} command=id", f"{KEY_ID}:ssh-ed25519:{BODY}\nssh-ed25519 {OTHER}",
        f"{KEY_ID}:command:{BODY}", f"{KEY_ID}:ssh-ed25519:$(id)", f"{KEY_ID}:ssh-ed25519:{BODY};id",
    ],
)  # fmt: skip
def test_keys_in_another_form_touch_nothing(root: Root, keys: str) -> None:
    status, answer = root.run(*KEYS[:4], keys)
    assert (status, answer["ok"]) == (2, False)
    assert root.log == []


def test_keys_are_the_whole_list_and_may_do_no_more_than_a_shell(root: Root) -> None:
    root.run(*ADD)
    with_log(root)
    for _ in range(2):
        assert root.run(*KEYS) == (0, {"ok": True, "command": "keys", "login": "ada"})
    path = root.folder / "etc/ssh/auth_keys/ada"
    assert path.read_text() == f"restrict,pty ssh-ed25519 {BODY} berth:{KEY_ID}\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert not any("sshd.log" in line or line.startswith("journalctl") for line in root.log)  # nobody left, nobody ends


def test_a_key_that_is_gone_loses_its_own_connections_only(root: Root) -> None:
    root.run(*ADD)
    with_log(root)
    root.run(*KEYS[:4], f"{KEYS[4]},{KEY_ID}:ssh-ed25519:{OTHER}")
    (root.folder / "log").write_text("")
    assert root.run(*KEYS[:4], f"{KEY_ID}:ssh-ed25519:{OTHER}")[0] == 0
    asked = {line.split()[-1] for line in root.log if line.startswith("pgrep -P")}
    assert asked == {"4711", "4713"}
    assert not any(line.startswith("pkill") for line in root.log)


def test_without_a_log_all_connections_of_the_login_end(root: Root) -> None:
    root.run(*ADD)
    root.run(*KEYS)
    root.program("journalctl", "exit 1")
    assert root.run(*KEYS[:4], "none")[0] == 0
    assert root.read("etc/ssh/auth_keys/ada") == ""
    assert "pkill -KILL -u 20001" in root.log


def test_revoke_and_user_del_take_the_keys_along(root: Root) -> None:
    root.run(*ADD)
    for command in ("revoke", "user-del"):
        root.run(*KEYS)
        assert (root.folder / "etc/ssh/auth_keys/ada").exists()
        assert root.run(command, "--login", "ada")[0] == 0
        assert not (root.folder / "etc/ssh/auth_keys/ada").exists()


def test_keys_of_an_account_that_is_not_there_are_refused(root: Root) -> None:
    status, answer = root.run(*KEYS)
    assert (status, answer["error"]) == (1, "the account does not exist")


def test_keys_used_tells_the_last_use_of_each_key_from_the_log(root: Root) -> None:
    root.run(*ADD)
    with_log(root)
    used = root.run("keys-used", "--login", "ada")[1]["used"]
    assert {use["fingerprint"]: use["at"] for use in used} == {
        fingerprint(BODY): 1764000200,
        fingerprint(OTHER): 1764000100,
    }
    root.program("journalctl", "exit 1")
    assert root.run("keys-used", "--login", "ada")[0] == 1


SERIAL, ANOTHER = "9223372036854775806", "9223372036854775807"  # one apart where floats are the same
CERTIFIED = "".join(
    f"176400{pid}.5 n sshd[{pid}]: Accepted publickey for {login} from 10.0.0.9 port 54 ssh2: "
    f"ED25519-CERT {{one}} ID alloc:a1:{login} (serial {serial}) CA ED25519 {{two}}\n"
    for pid, login, serial in ((4711, "ada", SERIAL), (4712, "ada", ANOTHER), (4713, "ada2", SERIAL))
)
END = ("end-certificates", "--login", "ada", "--serials")


def ended(root: Root) -> set[str]:
    return {line.split()[-1] for line in root.log if line.startswith("pgrep -P")}


def test_only_connections_of_the_named_certificates_end(root: Root) -> None:
    root.run(*ADD)
    with_log(root)
    (root.folder / "sshd.log").write_text(CERTIFIED.format(one=fingerprint(BODY), two=fingerprint(OTHER)))
    done = {"ok": True, "command": "end-certificates", "login": "ada", "refuses": False}
    assert root.run(*END, f"17,{SERIAL}") == (0, done)
    assert ended(root) == {"4711"}
    assert not any(line.startswith("pkill") for line in root.log)
    assert root.run("keys-used", "--login", "ada")[1]["used"] == []


def refused(root: Root, *serials: int) -> list[bool]:
    """What OpenSSH's own reader of the list says of certificates."""
    found = []
    for serial in serials:
        path = root.folder / f"{serial}-cert.pub"
        certificate = USER_CA.generate_user_certificate(USER_CA, "ada", principals=["ada"], serial=serial)
        path.write_bytes(certificate.export_certificate())
        words = ["ssh-keygen", "-Q", "-f", root.folder / "etc/ssh/berth_revoked_keys", path]
        found.append(subprocess.run(words, capture_output=True).returncode != 0)
    return found


def test_certificates_are_refused_by_their_serial_and_the_list_forgets_what_has_long_run_out(root: Root) -> None:
    root.run(*ADD)
    with_log(root)
    (root.folder / "etc/ssh/sshd_config.d").mkdir()
    (root.folder / "etc/ssh/sshd_config.d/10-berth.conf").write_text("RevokedKeys /etc/ssh/berth_revoked_keys\n")
    (root.folder / "etc/berth").mkdir()
    (root.folder / "etc/berth/refused_serials").write_text("5 1000000000\n")  # years ago
    assert root.run(*END, f"17,{2**63 - 1}")[1]["refuses"] is True
    assert root.run(*END, "18")[0] == 0
    assert refused(root, 17, 18, 2**63 - 1, 5, 19) == [True, True, True, False, False]


def test_while_the_list_cannot_be_written_no_connection_ends_and_the_machine_says_so(root: Root) -> None:
    root.run(*ADD)
    with_log(root)
    (root.folder / "etc/ssh/berth_user_ca.pub").unlink()
    assert root.run(*END, SERIAL) == (
        1,
        {"ok": False, "error": "the list of refused certificates could not be written"},
    )
    assert ended(root) == set()


def test_a_process_number_that_was_given_again_is_somebody_elses(root: Root) -> None:
    root.run(*ADD)
    with_log(root)
    lines = CERTIFIED.format(one=fingerprint(BODY), two=fingerprint(OTHER)).splitlines(keepends=True)
    (root.folder / "sshd.log").write_text(lines[0] + lines[1].replace("4712", "4711"))
    assert root.run(*END, SERIAL)[0] == 0
    assert ended(root) == set()


def test_without_a_log_no_certificates_connection_ends_and_the_machine_says_so(root: Root) -> None:
    root.run(*ADD)
    with_log(root)
    root.program("journalctl", "exit 1")
    assert root.run(*END, SERIAL) == (1, {"ok": False, "error": "the log of sshd cannot be read"})
    assert ended(root) == set()


@pytest.mark.parametrize("serials", ["", "x", "1,", "1;id", "1 2", "-1", "1" * 21])
def test_serials_in_another_form_touch_nothing(root: Root, serials: str) -> None:
    assert root.run(*END, serials)[0] == 2
    assert root.log == []


APP = ("--login", "ada", "--app", "0123456789ab")


@pytest.mark.parametrize(
    "app", ["", "0123456789AB", "0123456789a", "../../etc/pas", "0123456789ab;i", "0123456789ab\n"]
)
def test_a_wrong_name_of_an_app_touches_nothing(root: Root, app: str) -> None:
    root.run(*ADD)
    before = root.log
    for command in ("app-start", "app-stop"):
        status, answer = root.run(command, "--login", "ada", "--app", app)
        assert (status, answer["ok"]) == (2, False)
    assert root.log == before


def test_an_app_is_a_unit_of_its_login_and_is_started_once(root: Root) -> None:
    root.run(*ADD)
    root.program("systemd-run", 'touch "$BERTH_NODE_ROOT/runs"')
    root.program(
        "systemctl",
        'case $1 in is-active) [ -e "$BERTH_NODE_ROOT/runs" ] ;; stop) rm -f "$BERTH_NODE_ROOT/runs" ;; esac',
    )
    for _ in range(2):
        assert root.run("app-start", *APP) == (0, {"ok": True, "command": "app-start", "login": "ada"})
    started = [line for line in root.log if line.startswith("systemd-run ")]
    assert len(started) == 1
    for words in ("--unit=berth-app-0123456789ab", "--uid=ada", "KillMode=mixed", "NoNewPrivileges=yes"):
        assert words in started[0]
    for _ in range(2):
        assert root.run("app-stop", *APP) == (0, {"ok": True, "command": "app-stop", "login": "ada"})


def test_an_app_that_does_not_end_is_said_so(root: Root) -> None:
    root.run(*ADD)
    root.program("systemctl", ":")  # active whatever is asked
    assert root.run("app-stop", *APP)[0] == 1


def test_an_app_of_an_account_that_is_not_there_or_not_ours_is_refused(root: Root) -> None:
    assert root.run("app-start", *APP)[0] == 1
    assert root.run("app-start", "--login", "syslog", "--app", "0123456789ab")[0] == 2
