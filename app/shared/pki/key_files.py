"""How the authorities' keys are kept: two different ed25519 keys, that nobody else on the computer reads or changes."""

import stat
from collections.abc import Iterator
from pathlib import Path

import asyncssh

from app.shared.pki.authority import ALGORITHM, HOST_CA, USER_CA

OTHERS = stat.S_IRWXO | stat.S_IWGRP  # a group may read: so Kubernetes hands secrets to a process


def find_key_faults(directory: Path) -> Iterator[str]:
    """What is wrong with the keys in `directory`, in words that hold nothing of them."""
    found: list[bytes] = []
    for name in (USER_CA, HOST_CA):
        path = directory / name
        try:
            mode = path.stat().st_mode
            key = asyncssh.read_private_key(path)
        except OSError as error:
            yield f"must hold a file {name} that this process can read ({error.strerror})"
            continue
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
            yield f"must hold a file {name} that is an OpenSSH private key without a passphrase"
            continue
        if mode & OTHERS:
            yield f"must hold a file {name} that others can neither read nor write (chmod 600)"
        if key.get_algorithm() != ALGORITHM:
            yield f"must hold a file {name} that is an ed25519 key"
        found.append(key.public_data)
    if len(found) != len(set(found)):
        yield "must hold two different keys: whoever is a host to people would be a person to hosts"
