"""The certificate authorities of a development home: made once, unencrypted, readable by their owner only."""

from pathlib import Path

from devstack.services.base import private_file

AUTHORITIES = ("user_ca", "host_ca")


def ensure_authorities(directory: Path) -> None:
    """Makes `user_ca` and `host_ca` (ed25519, OpenSSH format) with their `.pub` beside them, unless they exist."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in AUTHORITIES:
        if not (directory / name).exists():
            _make(directory / name, f"berth {name.replace('_ca', ' CA')}")


def _make(path: Path, comment: str) -> None:
    # Imported here: half of a warm start's second would go into a key that exists already.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    path.with_name(path.name + ".pub").write_text(f"{public} {comment}\n")
    private_file(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode())
