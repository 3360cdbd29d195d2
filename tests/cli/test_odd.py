"""Whatever the server, the settings, the files or the streams are like: one sentence, a documented code, no stack."""

import contextlib
import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.client import connection, http, local
from app.cli.client.exits import Exit, Failure
from app.cli.client.main import main
from devstack.simulators.nodes.testing import REPOSITORY
from tests.cli.odd import ANSWERS, closed_port, odd_server

CODES = {int(code) for code in Exit}
PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
LOOKS = ("ls", "whoami", "balance", "skus", "events", "storage ls", "storage cp berth:files/a /tmp/x", "ssh a", "usage")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with odd_server() as url:
        yield url


@pytest.fixture
def berth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys):
    """Commands in this process; code, output, error."""
    monkeypatch.setattr(http.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 3 * 1024 * 1024)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "BERTH_URL", "BERTH_TOKEN", *PROXIES, *map(str.lower, PROXIES)):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str, **env: str) -> tuple[int, str, str]:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        assert code in CODES
        assert "Traceback" not in said.err and "\x1b" not in said.err
        if code:
            assert said.err.startswith("berth: ") or json.loads(said.err)["error"]["exit_code"] == code
        return code, said.out, said.err

    return run


WORDS = {
    "redirect": "sends us on to https://elsewhere.example",
    "html": "a page (text/html), not JSON",
    "nothing": "nothing, not JSON",
    "half": "broke off",
    "half-json": "broken or cut JSON",
    "endless": "a list without an end",
    "items": "something else than a list",
    "unpackable": "cannot be unpacked",
    "no-http": "does not speak HTTP",
    "huge": "more than 3 MiB",
    "oauth": "It is over.",
    "broken-html": "answered 502 without a reason",
}


@pytest.mark.parametrize("name", [*ANSWERS, "huge"])
def test_every_odd_answer_is_said_in_words(berth, server: str, name: str) -> None:
    code, out, err = berth("ls", "--url", f"{server}/{name}", BERTH_TOKEN="t")
    assert code != 0 and out == ""
    assert WORDS.get(name, "") in err
    assert "secret" not in err
    for words in LOOKS:
        berth(*words.split(), "--url", f"{server}/{name}")
    code, out, err = berth("ls", "--json", "--url", f"{server}/{name}")
    said = json.loads(err)["error"]
    assert (said["exit_code"], out) == (code, "")
    assert said["code"] and said["message"]


@pytest.mark.parametrize(
    ("url", "words", "code"),
    [
        ("example.com:8000", "http:// or https://", 2), ("", "http:// or https://", 2), ("ftp://x", "http://", 2),
        ("http://", "no host", 2), ("http://a b", "space", 2), ("http://x:99999", "port", 2),
        ("http://x:0", "port 0", 2), ("http://" + "a" * 70, "cannot be", 2),
        ("http://x:p", "port", 2), ("http://me:hush@x", "a name or a password", 2), ("http://[::1", "host", 2),
        ("http://x/?a=1", "?", 2), ("http://x#", "#", 2), ("http://x\ny", "space", 2),
        ("http://a..b", "cannot be", 2), ("http://bücher.invalid", "DNS", 9), ("http://x.invalid", "DNS", 9),
    ],
)  # fmt: skip
def test_an_odd_address_is_refused_for_what_is_odd(berth, monkeypatch, url: str, words: str, code: int) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise connection.socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(connection.socket, "create_connection", unknown)
    found, _, err = berth("ls", "--url", url)
    assert (found, "hush" in err) == (code, False), err
    if code == 2:
        assert words in err
    assert berth("ls", BERTH_URL=url or "-")[0] == code


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{}", "http://[::1]:{}", "https://127.0.0.1:{}/", " http://LOCALHOST:{}\n"]
)
def test_an_address_without_a_server_is_said(berth, url: str) -> None:
    code, _, err = berth("ls", "--url", url.format(closed_port()))
    assert (code, "does not answer: nothing listens there" in err) == (9, True), err


def test_tls_where_there_is_none_is_said(berth, server: str) -> None:
    code, _, err = berth("ls", "--url", server.replace("http:", "https:"))
    assert (code, "TLS" in err) == (9, True), err
    code, _, err = berth("ls", "--url", server.replace("http:", "https:"), SSL_CERT_FILE="/nowhere")
    assert (code, "SSL_CERT_FILE" in err) == (2, True), err


@pytest.mark.parametrize(
    "proxy", ["socks5://me:hush@x:1", "socks://x", "socks4://x", "http://[", "://", "http://x:99999", "ä"]
)
def test_a_proxy_of_no_use_is_named_and_only_where_it_counts(berth, server: str, proxy: str) -> None:
    code, _, err = berth("ls", "--url", f"{server}/html", ALL_PROXY=proxy)
    assert (code, "ALL_PROXY" in err, "hush" in err) == (2, True, False), err
    code, _, err = berth("ls", "--url", f"{server}/html", NO_PROXY="127.0.0.1")
    assert (code, "not JSON" in err) == (1, True), err


@pytest.mark.parametrize("token", ["a\nb", "a b", "tökén", "日本", "a\r\nx-other: b", "a\x00b".replace("\x00", "\x01")])
def test_a_token_with_stray_signs_is_refused_and_not_said(berth, server: str, token: str) -> None:
    code, _, err = berth("ls", "--url", f"{server}/list", BERTH_TOKEN=token)
    assert (code, "BERTH_TOKEN" in err, token in err) == (2, True, False)
    assert berth("skus", "--url", f"{server}/html", BERTH_TOKEN=" good\r\n")[0] == 1  # a line end is none of it


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\x00\x01", b"[]", b'{"servers": []}', b'{"servers": {"x": 5}}',
     b'{"servers": {"x": {"access_token": 1}}}', b'{"current": 7}', b"null", b"[" * 50_000, None],
)  # fmt: skip
def test_an_odd_file_of_sign_ins_is_named(berth, server: str, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / ".config/berth/credentials.json"
    file.parent.mkdir(parents=True)
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    code, _, err = berth("ls")
    assert (code, str(file) in err) == (1, True), err
    code, _, err = berth("ls", BERTH_URL=f"{server}/html", BERTH_TOKEN="t")  # nothing there is needed
    assert "not JSON" in err


def test_sign_ins_that_were_opened_to_others_are_closed_again(berth, tmp_path: Path) -> None:
    file = tmp_path / ".config/berth/credentials.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"servers": {}, "current": f"http://127.0.0.1:{closed_port()}"}))
    file.chmod(0o644)
    assert berth("ls")[0] == 9
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("home", ["/nowhere/at/all", "/dev/null", "relative"])
def test_without_a_home_a_token_is_enough_and_a_sign_in_says_why_not(
    berth, server: str, home: str, monkeypatch
) -> None:
    code, _, err = berth("ls", HOME=home, BERTH_URL=f"{server}/html", BERTH_TOKEN="t")
    assert (code, "not JSON" in err) == (1, True), err
    monkeypatch.setattr(local.os, "makedirs", None)
    monkeypatch.delenv("BERTH_TOKEN")
    if home == "/dev/null":
        code, _, err = berth("ls")
        assert (code, "/dev/null/.config" in err) == (1, True), err


def test_files_of_this_computer_that_cannot_be_used_are_named(berth, server: str, tmp_path: Path) -> None:
    pipe, place = tmp_path / "pipe", f"{server}/html"
    os.mkfifo(pipe)
    for source, words in (
        (str(pipe), "is a pipe"), (str(tmp_path), "is a folder"), ("/dev/zero", "is a device"),
        ("/nowhere", "No such file"),
        ("~no-such-person/x", "no such home"), ("a" * 300, "too long"), (os.fsdecode(b"\xff\xfe"), "No such file"),
    ):  # fmt: skip
        code, _, err = berth("storage", "cp", source, "berth:files/a", "--url", place)
        assert (code, words in err) == (2, True), err
    for file in ("/dev/zero", str(tmp_path), "/nowhere"):
        assert berth("keys", "add", "x", file, "--url", place)[0] == 2
    assert berth("projects", "add", os.fsdecode(b"\xff"), "--url", place)[0] == 2
    assert berth("usage", "--from", os.fsdecode(b"\xff"), "--url", place)[0] == 2
    assert berth("login", "--client-id", "x", "--url", place, BERTH_CLIENT_SECRET="s")[0] == 1


def test_a_download_lands_whole_or_not_at_all_and_never_elsewhere(tmp_path: Path) -> None:
    long = "ä" * 127 + "x"  # 255 bytes
    with local.replaced(local.target_of(str(tmp_path), long, overwrite=False)) as file:
        file.write(b"whole")
    assert (tmp_path / long).read_bytes() == b"whole"
    with pytest.raises(Failure, match="too long"):
        local.target_of(str(tmp_path / ("a" * 256)), "x", overwrite=False)
    for name in ("../x", "/etc/x", "..", "", "a\0b"):
        with pytest.raises(Failure, match="no name for a file"):
            local.target_of(str(tmp_path), name, overwrite=False)
    for target in ("/nowhere/x", "/dev/null/x"):
        with pytest.raises(Failure, match="cannot be written"):
            local.target_of(target, "x", overwrite=False)
    with pytest.raises(Failure, match="is a device"):
        local.target_of("/dev/null", "x", overwrite=True)
    with contextlib.suppress(ValueError), local.replaced(tmp_path / "half") as file:
        file.write(b"half")
        raise ValueError("cut")
    assert sorted(path.name for path in tmp_path.iterdir()) == [long]


def shell(line: str, **env: str) -> "subprocess.CompletedProcess[bytes]":
    """`berth` as a process of its own, for what concerns descriptors and signals."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH",)}
    command = line.replace("berth", f"'{sys.executable}' -m app.cli")
    return subprocess.run(
        ["bash", "-c", command], cwd=REPOSITORY, env=kept | env, capture_output=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("berth whoami >&-", 1, "Standard output is closed"),
        ("berth skus --help >/dev/full", 1, "Standard output cannot be written: No space left"),
        ("berth --version >/dev/full", 1, "Standard output cannot be written: No space left"),
        ("berth --help 1</dev/null", 1, "Standard output cannot be written: Bad file descriptor"),
        ("berth ls --url x 2>&-", 2, ""),
        ("berth login --client-id x --url {url}/html <&-", 2, "No secret was given"),
        ("berth login --client-id x --url {url}/html <<<$'\\xff'", 2, "no text"),
        ("{{ sleep 0.3; berth --help; echo $? >&2; }} | true", 0, "141"),
        ("berth --version", 0, ""),
        ("mkdir d && cd d && rmdir ../d && BERTH_CALLER_DIR=$PWD berth ls", 1, "No such file"),
    ],
)
def test_streams_that_are_closed_full_or_gone(server: str, tmp_path: Path, line: str, code: int, words: str) -> None:
    if line.startswith("mkdir"):
        found = shell("berth ls", BERTH_CALLER_DIR=str(tmp_path / "gone"))
    else:
        found = shell(line.format(url=server), HOME=str(tmp_path))
    assert found.returncode == code, found.stderr
    assert words in found.stderr.decode()
    assert b"Traceback" not in found.stderr and b"Exception ignored" not in found.stderr
    if "--version" in line and not code:
        assert re.fullmatch(rb"berth \S+ \(\S+\).*\n", found.stdout)


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_any_encoding_takes_what_is_said(tmp_path: Path, locale: dict[str, str]) -> None:
    found = shell("berth show '日本é…' --url http://127.0.0.1:9", HOME=str(tmp_path), PYTHONCOERCECLOCALE="0", **locale)
    assert (found.returncode, b"Traceback" in found.stderr) == (9, False)


def heard() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_with_a_sentence(tmp_path: Path, number: signal.Signals, code: int) -> None:
    master, slave = pty.openpty()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "login", "--no-browser", "--url", "http://127.0.0.1:9"],
        cwd=REPOSITORY, env=env, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=heard,  # whoever runs the tests may ignore signals (nohup), and that is inherited
    )  # fmt: skip
    assert process.stderr is not None
    while b"oauth/authorize" not in process.stderr.readline():
        pass
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    os.close(master), os.close(slave)
    assert (process.returncode, err.splitlines()[-1].startswith(b"berth: ")) == (code, True), err


def test_what_nobody_expected_is_one_sentence_and_shows_its_stack_on_demand(berth, monkeypatch, capsys) -> None:
    monkeypatch.setattr(http, "user_agent", lambda: 1 / 0)
    code, _, err = berth("ls")
    assert (code, "ZeroDivisionError" in err, "BERTH_DEBUG=1" in err) == (1, True, True)
    monkeypatch.setenv("BERTH_DEBUG", "1")
    assert main(["ls"]) == 1
    assert "Traceback" in capsys.readouterr().err
