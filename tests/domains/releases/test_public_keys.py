"""Which pasted texts are keys, and what is said of those that are not. Keys are made by OpenSSH's own ssh-keygen."""

import base64
import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.releases.rules.public_keys import KeyRefused, parse_public_key, shown_kind


def keygen(folder: Path, *options: str) -> Path:
    path = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "ada@laptop", "-f", path, *options], check=True)
    return path


def fingerprint(path: Path) -> str:
    said = subprocess.run(["ssh-keygen", "-lf", path], check=True, capture_output=True, text=True).stdout
    return said.split()[1]


def security_key(kind: str) -> str:
    """What ssh-keygen would write for a security key, without one: the wire form of PROTOCOL.u2f."""
    point = bytes.fromhex(  # the base point of P-256, which lies on it
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )
    fields = [kind.encode()] + ([b"\x20" * 32] if "ed25519" in kind else [b"nistp256", point]) + [b"ssh:"]
    blob = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return f"{kind} {base64.b64encode(blob).decode()} ada@token"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (("-t", "ed25519"), "Ed25519"),
        (("-t", "ecdsa", "-b", "256"), "ECDSA P-256"),
        (("-t", "ecdsa", "-b", "384"), "ECDSA P-384"),
        (("-t", "ecdsa", "-b", "521"), "ECDSA P-521"),
        (("-t", "rsa", "-b", "3072"), "RSA 3072"),
    ],
)
def test_what_openssh_makes_is_taken_with_the_fingerprint_that_openssh_shows(tmp_path, options, kind) -> None:
    path = keygen(tmp_path, *options)
    text = Path(f"{path}.pub").read_text()
    key = parse_public_key(f"\n  {text}\r\n# a remark\n", 3072)
    assert shown_kind(key.algorithm, key.bits) == kind
    assert key.fingerprint == fingerprint(path)
    assert key.line == " ".join(text.split()[:2])
    assert key.comment == "ada@laptop"


@pytest.mark.parametrize("kind", ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"])
def test_keys_in_security_keys_are_taken(tmp_path, kind: str) -> None:
    key = parse_public_key(security_key(kind), 3072)
    (tmp_path / "sk.pub").write_text(security_key(kind))
    assert key.fingerprint == fingerprint(tmp_path / "sk.pub")
    assert "security key" in shown_kind(key.algorithm, key.bits)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> str:
    return Path(f"{keygen(tmp_path_factory.mktemp('k'), '-t', 'ed25519')}.pub").read_text().strip()


def refusal(text: str) -> str:
    with pytest.raises(KeyRefused) as caught:
        parse_public_key(text, 3072)
    return str(caught.value)


def test_each_refusal_says_its_own_reason(good: str, tmp_path) -> None:
    kind, body, comment = good.split()
    blob = base64.b64decode(body)
    reasons = {
        "": "Paste a public key",
        "hello world": "not a public key",
        f'command="id" {good}': "options in front",
        f"no-pty,restrict {good}": "options in front",
        f"{kind}": "body is missing",
        f"{kind} {body[:-4]} {comment}": "damaged",
        f"{kind} {body[:-3]}": "cut off",
        f"{kind} {body[:10]}!{body[11:]}": "signs that no key has",
        f"ssh-rsa {body}": "another kind inside",
        f"{kind} {base64.b64encode(blob[:4] + b'ssh-dsa9999' + blob[15:]).decode()}": "another kind inside",
        f"{good}\n{good}": "2 keys",
        f"{kind} {body[:30]}\n{body[30:]} {comment}": "broken into several lines",
        f"ssh-dss {body}": "DSA",
        f"ssh-ed448 {body}": "not taken",
        f"ssh-ed25519-cert-v01@openssh.com {body}": "certificate",
        "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n": "RFC 4716",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n": "PEM",
        f"{kind} {body} \x00": "signs in this line",
        "x" * 100_000: "far longer",
    }
    for text, reason in reasons.items():
        assert reason in refusal(text), text[:60]


def test_a_private_key_is_refused_and_never_repeated(tmp_path) -> None:
    private = keygen(tmp_path, "-t", "ed25519").read_text()
    said = refusal(private)
    assert "private key" in said
    assert private.splitlines()[1][:20] not in said


def test_a_short_rsa_key_is_refused_with_its_length(tmp_path) -> None:
    text = Path(f"{keygen(tmp_path, '-t', 'rsa', '-b', '2048')}.pub").read_text()
    assert "2048 bits; at least 3072" in refusal(text)
    assert parse_public_key(text, 2048).bits == 2048


@given(st.text(max_size=300))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(KeyRefused):
        assert parse_public_key(text, 3072).bits > 0


@given(st.integers(0, 200), st.binary(min_size=1, max_size=3))
def test_no_change_of_a_good_key_goes_through_as_the_same(position: int, change: bytes) -> None:
    kind = "sk-ssh-ed25519@openssh.com"
    body = bytearray(base64.b64decode(security_key(kind).split()[1]))
    position %= len(body)
    body[position : position + len(change)] = change
    before = parse_public_key(security_key(kind), 3072)
    try:
        after = parse_public_key(f"{kind} {base64.b64encode(bytes(body)).decode()}", 3072)
    except KeyRefused:
        return
    assert (after.line == before.line) == (after.fingerprint == before.fingerprint)
