"""A certificate that one program shows to its own parts, so that nobody else on this computer talks to them.

The authority's key is thrown away: nothing else is ever signed by it.
"""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devstack.services.base import HOST, private_file

_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Files:
    """Where the authority's certificate, the program's and its key lie, in PEM."""

    authority: Path
    certificate: Path
    key: Path


def write(folder: Path) -> Files:
    """New ones at every call; only the owner may read them."""
    files = Files(folder / "authority.pem", folder / "certificate.pem", folder / "key.pem")
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer, subject = _name("authority"), _name("part")
    root = _builder(issuer, issuer, authority.public_key()).add_extension(x509.BasicConstraints(True, 0), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))])
    part = _builder(subject, issuer, key.public_key()).add_extension(names, critical=False)
    pem = serialization.Encoding.PEM
    for path, builder in ((files.authority, root), (files.certificate, part)):
        private_file(path, builder.sign(authority, hashes.SHA256()).public_bytes(pem).decode())
    kept = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private_file(files.key, kept.decode())
    return files


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
    )
