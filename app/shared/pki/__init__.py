"""SSH certificate authorities: who may enter a machine, and which machine is which. Private keys never leave here."""

from app.shared.pki.authority import CertificateAuthority, HostKey, LocalAuthority, SshCredential, local_authority

__all__ = ["CertificateAuthority", "HostKey", "LocalAuthority", "SshCredential", "local_authority"]
