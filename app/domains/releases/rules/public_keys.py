"""Reading a public key that somebody pasted: which kinds are taken, how strong, and why not. Pure.

Taken is what OpenSSH takes as a key of a person: Ed25519, ECDSA on P-256, P-384 and P-521, RSA, and both kinds that
live in a hardware key. It refuses options in front of a key, because a machine would obey them.
"""

import base64
import binascii
import hashlib
import re

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

BITS = {
    "ssh-ed25519": 256,
    "ecdsa-sha2-nistp256": 256,
    "ecdsa-sha2-nistp384": 384,
    "ecdsa-sha2-nistp521": 521,
    "sk-ssh-ed25519@openssh.com": 256,
    "sk-ecdsa-sha2-nistp256@openssh.com": 256,
}
RSA = "ssh-rsa"
SHOWN = {
    "ssh-ed25519": "Ed25519",
    "ecdsa-sha2-nistp256": "ECDSA P-256",
    "ecdsa-sha2-nistp384": "ECDSA P-384",
    "ecdsa-sha2-nistp521": "ECDSA P-521",
    "sk-ssh-ed25519@openssh.com": "Ed25519 in a security key",
    "sk-ecdsa-sha2-nistp256@openssh.com": "ECDSA P-256 in a security key",
    RSA: "RSA",
}
MAX_RSA_BITS = 16_384  # OpenSSH takes no longer ones
MAX_CHARACTERS = 8_192
KIND = re.compile(r"(ssh-|ecdsa-|sk-)[a-z0-9@.-]+")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class KeyRefused(ValueError):
    """Why this text is not a key that can be registered: one sentence, then what to do."""


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that passed. `line` is its kind and body alone, `comment` what stood behind them."""

    algorithm: str
    bits: int
    line: str
    fingerprint: str
    comment: str


def parse_public_key(text: str, min_rsa_bits: int) -> PublicKey:
    """The one public key in `text`. Raises KeyRefused."""
    line = _one_line(text)
    words = line.split()
    if not KIND.fullmatch(words[0]):
        if any(KIND.fullmatch(word) for word in words[1:]):
            raise KeyRefused(
                "There are options in front of the key. Leave them out: the line must begin with the kind of the key, "
                "such as ssh-ed25519."
            )
        raise KeyRefused("This is not a public key. It begins with its kind, such as ssh-ed25519 or ssh-rsa.")
    kind = words[0]
    if kind == "ssh-dss":
        raise KeyRefused("DSA keys are too weak and OpenSSH refuses them. Make a new one: ssh-keygen -t ed25519")
    if kind.endswith("-cert-v01@openssh.com"):
        raise KeyRefused("This is a certificate. Register the public key itself: the file without -cert in its name.")
    if kind not in SHOWN:
        raise KeyRefused(f"Keys of the kind {kind[:40]} are not taken. Make a new one: ssh-keygen -t ed25519")
    if len(words) < 2:
        raise KeyRefused("Only the kind of the key is there; its body is missing. Copy the whole line.")
    blob = _decode(words[1])
    if _name_in(blob) != kind:
        raise KeyRefused("The key says another kind inside than in front. Copy the whole line from the .pub file.")
    bits = _bits(kind, words[1], min_rsa_bits)
    digest = base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()
    return PublicKey(
        algorithm=kind,
        bits=bits,
        line=f"{kind} {words[1]}",
        fingerprint=f"SHA256:{digest}",
        comment=line.split(maxsplit=2)[2] if len(words) > 2 else "",
    )


def _one_line(text: str) -> str:
    if len(text) > MAX_CHARACTERS * 2:
        raise KeyRefused("This is far longer than any public key.")
    if "PRIVATE KEY" in text or "PuTTY-User-Key-File" in text:
        raise KeyRefused(
            "This is a private key. It must never leave your computer; we have not kept it. Paste the .pub file "
            "beside it, and make a new key if others may have seen this one."
        )
    if "BEGIN SSH2 PUBLIC KEY" in text:
        raise KeyRefused("This is a key in the RFC 4716 form. Convert it: ssh-keygen -i -f FILE")
    if "BEGIN PUBLIC KEY" in text or "BEGIN RSA PUBLIC KEY" in text:
        raise KeyRefused("This is a key in the PEM form. Convert it: ssh-keygen -i -m PKCS8 -f FILE")
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise KeyRefused("Paste a public key: the one line of a .pub file.")
    if len(lines) > 1:
        if all(KIND.match(line) for line in lines):
            raise KeyRefused(f"There are {len(lines)} keys here. Add them one by one, so that each has a name.")
        raise KeyRefused("The key is broken into several lines. It must be one line, as it stands in the .pub file.")
    if any(not sign.isprintable() for sign in lines[0]):
        raise KeyRefused("There are signs in this line that no key has. Copy it again from the .pub file.")
    return lines[0]


def _decode(body: str) -> bytes:
    if len(body) > MAX_CHARACTERS:
        raise KeyRefused("This is longer than any public key.")
    try:
        if not BASE64.fullmatch(body):
            raise KeyRefused("The body of the key holds signs that no key has. Copy it again from the .pub file.")
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise KeyRefused("The key is cut off or has a sign too many. Copy the whole line.") from error


def _name_in(blob: bytes) -> str:
    length = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + length].decode("ascii", "replace")


def _bits(kind: str, body: str, min_rsa_bits: int) -> int:
    try:
        key = load_ssh_public_key(f"{kind} {body}".encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused("The body of the key is damaged. Copy the whole line from the .pub file.") from error
    if kind != RSA:
        return BITS[kind]
    if not isinstance(key, RSAPublicKey):
        raise KeyRefused("The body of the key is damaged. Copy the whole line from the .pub file.")
    if key.key_size < min_rsa_bits:
        raise KeyRefused(
            f"This RSA key has {key.key_size} bits; at least {min_rsa_bits} are needed. "
            "Make a new one: ssh-keygen -t ed25519"
        )
    if key.key_size > MAX_RSA_BITS or key.public_numbers().e < 3:
        raise KeyRefused("OpenSSH does not take an RSA key like this one. Make a new one: ssh-keygen -t ed25519")
    return key.key_size


def shown_kind(algorithm: str, bits: int) -> str:
    """`Ed25519`, `RSA 4096`: how people call it."""
    return f"RSA {bits}" if algorithm == RSA else SHOWN.get(algorithm, algorithm)
