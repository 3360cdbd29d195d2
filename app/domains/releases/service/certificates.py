"""Making certificates. The private key exists in memory only, for as long as its caller holds it."""

from datetime import datetime, timedelta
from uuid import UUID

from app.domains.releases.contracts import CertifyUser, SignedKey, SshCredential
from app.domains.releases.policies import CERTIFICATE_MINUTES
from app.domains.releases.repository import CertificateRepository, KeyRepository
from app.domains.releases.rules import MANAGEMENT, management_principal, user_principal, validity
from app.domains.releases.service.keys import read_key
from app.shared.context import Context
from app.shared.pki import CertificateAuthority


def mint_user_certificate(
    authority: CertificateAuthority,
    allocation_id: UUID,
    login: str,
    now: datetime,
    length: timedelta,
    *,
    for_apps: bool = False,
) -> SshCredential:
    """A fresh key whose certificate opens `login` on that allocation's machine: with a terminal, or for apps with
    forwarding to sockets instead."""
    valid_from, valid_to = validity(now, length)
    principal = user_principal(allocation_id, login)
    return authority.issue_user(
        principal, (principal,), valid_from, valid_to, permit_pty=not for_apps, permit_forwarding=for_apps
    )


def mint_management_certificate(authority: CertificateAuthority, system_id: str, now: datetime) -> SshCredential:
    """A fresh key whose certificate may run the management command on this one machine; no terminal."""
    valid_from, valid_to = validity(now, MANAGEMENT)
    principal = management_principal(system_id)
    return authority.issue_user(principal, (principal,), valid_from, valid_to, permit_pty=False)


async def certify_user(ctx: Context, authority: CertificateAuthority, command: CertifyUser) -> SshCredential:
    """The same as `mint_user_certificate`, with policy, the Context's instant, and a row that remembers the key."""
    now = await ctx.now()
    minutes = await ctx.policy(CERTIFICATE_MINUTES, command.tenant_id, command.project_id)
    credential = mint_user_certificate(
        authority,
        command.allocation_id,
        command.login,
        now,
        timedelta(minutes=minutes),
        for_apps=command.purpose == "app",
    )
    await CertificateRepository(ctx.session).append_certificate(command, credential, credential.principals[0], now)
    return credential


async def certify_key(
    ctx: Context, authority: CertificateAuthority, command: CertifyUser, public_key: str
) -> SignedKey:
    """A certificate for a key that the caller holds. Raises KeyRejected. A registered key counts as used."""
    key, now = await read_key(ctx, public_key), await ctx.now()
    minutes = await ctx.policy(CERTIFICATE_MINUTES, command.tenant_id, command.project_id)
    valid_from, valid_to = validity(now, timedelta(minutes=minutes))
    principal = user_principal(command.allocation_id, command.login)
    serial, certificate = authority.sign_user(
        key.line, principal, (principal,), valid_from, valid_to, permit_pty=True, permit_forwarding=command.whole
    )
    signed = SignedKey(
        serial=serial,
        public_key=key.line,
        certificate=certificate,
        principal=principal,
        valid_from=valid_from,
        valid_to=valid_to,
    )
    await CertificateRepository(ctx.session).append_certificate(command, signed, principal, now)
    if command.user_id is not None:
        await KeyRepository(ctx.session).note_use(command.user_id, key.fingerprint, now)
    return signed
