"""Signs SSH certificates: user certificates that last minutes, host certificates that last as long as a machine's life.

The door behind which a production install puts Vault, OpenBao or step-ca: `CertificateAuthority` is all that the rest
knows. `LocalAuthority` holds two OpenSSH keys from a directory. It refuses to write any private key anywhere.
"""

import secrets
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import asyncssh
import msgspec

ALGORITHM = "ssh-ed25519"
USER_CA, HOST_CA = "user_ca", "host_ca"


class SshCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A key pair made in memory with its certificate, all in OpenSSH text form. Never stored, never logged."""

    private_key: str
    public_key: str
    certificate: str
    serial: int
    key_id: str
    principals: tuple[str, ...]
    valid_from: datetime
    valid_to: datetime

    def __repr__(self) -> str:
        return f"SshCredential(serial={self.serial}, key_id={self.key_id!r})"


class HostKey(msgspec.Struct, frozen=True, kw_only=True):
    """A machine's host key pair with its certificate, in OpenSSH text form."""

    private_key: str
    public_key: str
    certificate: str

    def __repr__(self) -> str:
        return "HostKey(…)"


class CertificateAuthority(Protocol):
    """Two authorities behind one door: one says who a person is, the other which machine answers."""

    @property
    def user_ca_public(self) -> str:
        """The line that machines trust for users."""
        ...

    @property
    def host_ca_public(self) -> str:
        """The line that we trust for machines."""
        ...

    def issue_user(
        self,
        key_id: str,
        principals: tuple[str, ...],
        valid_from: datetime,
        valid_to: datetime,
        *,
        permit_pty: bool,
        permit_forwarding: bool = False,
    ) -> SshCredential:
        """A fresh key and its certificate; of all extensions only permit-pty and permit-port-forwarding, each only when
        asked for."""
        ...

    def sign_user(
        self,
        public_key: str,
        key_id: str,
        principals: tuple[str, ...],
        valid_from: datetime,
        valid_to: datetime,
        *,
        permit_pty: bool,
        permit_forwarding: bool = False,
    ) -> tuple[int, str]:
        """Serial and certificate for a key that somebody else holds; `permit_forwarding`: of ports and of its agent."""
        ...

    def issue_host(self, key_id: str, principals: tuple[str, ...], valid_from: datetime, valid_to: datetime) -> HostKey:
        """A fresh host key and its certificate."""
        ...


class LocalAuthority:
    """Two OpenSSH private keys, `user_ca` and `host_ca`, in one directory."""

    def __init__(self, directory: Path) -> None:
        self._user_ca = asyncssh.read_private_key(directory / USER_CA)
        self._host_ca = asyncssh.read_private_key(directory / HOST_CA)

    @property
    def user_ca_public(self) -> str:
        return _public(self._user_ca, "berth user CA")

    @property
    def host_ca_public(self) -> str:
        return _public(self._host_ca, "berth host CA")

    def issue_user(
        self,
        key_id: str,
        principals: tuple[str, ...],
        valid_from: datetime,
        valid_to: datetime,
        *,
        permit_pty: bool,
        permit_forwarding: bool = False,
    ) -> SshCredential:
        """Raises ValueError without a principal: such a certificate would open every account."""
        key = asyncssh.generate_private_key(ALGORITHM)
        serial, certificate = self._sign(
            key, key_id, principals, valid_from, valid_to, permit_pty=permit_pty, permit_forwarding=permit_forwarding
        )
        return SshCredential(
            private_key=key.export_private_key().decode(),
            public_key=_public(key),
            certificate=certificate,
            serial=serial,
            key_id=key_id,
            principals=principals,
            valid_from=valid_from,
            valid_to=valid_to,
        )

    def sign_user(
        self,
        public_key: str,
        key_id: str,
        principals: tuple[str, ...],
        valid_from: datetime,
        valid_to: datetime,
        *,
        permit_pty: bool,
        permit_forwarding: bool = False,
    ) -> tuple[int, str]:
        """Raises ValueError without a principal, asyncssh.KeyImportError for what is no public key."""
        key = asyncssh.import_public_key(public_key)
        return self._sign(
            key,
            key_id,
            principals,
            valid_from,
            valid_to,
            permit_pty=permit_pty,
            permit_forwarding=permit_forwarding,
            permit_agent=permit_forwarding,
        )

    def _sign(
        self,
        key: asyncssh.SSHKey,
        key_id: str,
        principals: tuple[str, ...],
        valid_from: datetime,
        valid_to: datetime,
        *,
        permit_pty: bool,
        permit_forwarding: bool = False,
        permit_agent: bool = False,
    ) -> tuple[int, str]:
        _refuse_empty(principals)
        serial = _serial()
        certificate = self._user_ca.generate_user_certificate(
            key,
            key_id,
            serial=serial,
            principals=list(principals),
            valid_after=int(valid_from.timestamp()),
            valid_before=int(valid_to.timestamp()),
            permit_x11_forwarding=False,
            permit_agent_forwarding=permit_agent,
            permit_port_forwarding=permit_forwarding,
            permit_pty=permit_pty,
            permit_user_rc=False,
        )
        return serial, certificate.export_certificate().decode().strip()

    def issue_host(self, key_id: str, principals: tuple[str, ...], valid_from: datetime, valid_to: datetime) -> HostKey:
        """Raises ValueError without a principal."""
        _refuse_empty(principals)
        key = asyncssh.generate_private_key(ALGORITHM)
        certificate = self._host_ca.generate_host_certificate(
            key,
            key_id,
            serial=_serial(),
            principals=list(principals),
            valid_after=int(valid_from.timestamp()),
            valid_before=int(valid_to.timestamp()),
        )
        return HostKey(
            private_key=key.export_private_key().decode(),
            public_key=_public(key),
            certificate=certificate.export_certificate().decode().strip(),
        )


@lru_cache(maxsize=8)
def local_authority(directory: Path) -> LocalAuthority:
    """The authority of a directory, read once per process. Raises OSError or asyncssh.KeyImportError."""
    return LocalAuthority(directory)


def _public(key: asyncssh.SSHKey, comment: str = "") -> str:
    return " ".join([*key.export_public_key().decode().split()[:2], comment]).strip()


def _serial() -> int:
    """63 random bits: no two authorities or processes need to agree on a counter."""
    return secrets.randbits(63) | 1


def _refuse_empty(principals: tuple[str, ...]) -> None:
    if not principals or not all(principals):
        raise ValueError("a certificate needs at least one principal")
