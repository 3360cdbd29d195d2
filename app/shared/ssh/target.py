"""Where a machine answers, as whom to log in there, and how both sides prove who they are."""

import msgspec

from app.shared.pki import SshCredential

CONNECT_SECONDS = 10.0


class SshTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One login on one machine, for as long as the certificate in `credential` is valid. Never stored, never logged."""

    host: str
    port: int
    login: str
    host_principal: str  # the name that the machine's host certificate must carry; the address is not trusted
    host_authority: str  # the public key that must have signed it, as one line of OpenSSH
    credential: SshCredential
    connect_seconds: float = CONNECT_SECONDS  # until the login is done
