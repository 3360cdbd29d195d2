"""Making certificates, and with them the ways into a machine. A private key exists in memory only, for as long as its
caller holds it."""

from datetime import datetime, timedelta
from uuid import UUID

from app.domains.auth import public as auth
from app.domains.provisioning.contracts import MANAGEMENT_LOGIN, AccessTarget
from app.domains.releases.contracts import CertifyUser, HostIdentity, SignedKey, SshCredential
from app.domains.releases.policies import CERTIFICATE_MINUTES
from app.domains.releases.repository import CertificateRepository, KeyRepository
from app.domains.releases.rules import MANAGEMENT, management_principal, user_principal, validity
from app.domains.releases.service.keys import read_key
from app.settings import Settings
from app.shared.authz import Permission
from app.shared.authz.rights import claim_of
from app.shared.context import Context
from app.shared.pki import CertificateAuthority, local_authority
from app.shared.ssh import SshTarget

CLOCK_SKEW = timedelta(minutes=5)
HOST_CERTIFICATE = timedelta(days=5 * 365)


def authority_of(settings: Settings) -> CertificateAuthority:
    """The certificate authority of this installation. Raises OSError when its keys are not there."""
    return local_authority(settings.pki_dir)


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


async def login_target(ctx: Context, command: CertifyUser) -> SshTarget:
    """The way in as the machine's login, with a certificate for the minutes of the policy and a row that remembers it.
    The caller has checked that the person may enter, and commits before it dials."""
    now, machine, authority = await ctx.now(), command.machine, authority_of(ctx.settings)
    minutes = await ctx.policy(CERTIFICATE_MINUTES, machine.tenant_id, machine.project_id)
    credential = mint_user_certificate(
        authority,
        machine.allocation_id,
        machine.login,
        now,
        timedelta(minutes=minutes),
        for_apps=command.purpose == "app",
    )
    await CertificateRepository(ctx.session).append_certificate(command, credential, credential.principals[0], now)
    return _target(authority, machine, machine.login, credential)


def management_target(settings: Settings, machine: AccessTarget, now: datetime) -> SshTarget:
    """The way in as the machine's management."""
    authority = authority_of(settings)
    return _target(authority, machine, MANAGEMENT_LOGIN, mint_management_certificate(authority, machine.system_id, now))


def _target(authority: CertificateAuthority, machine: AccessTarget, login: str, credential: SshCredential) -> SshTarget:
    return SshTarget(
        host=machine.address,
        port=machine.port,
        login=login,
        host_principal=machine.host_alias,
        host_authority=authority.host_ca_public,
        credential=credential,
    )


async def certify_key(ctx: Context, machine: AccessTarget, public_key: str) -> SignedKey:
    """A certificate for a key that the actor holds. Raises KeyRejected, RightEnded. A registered key counts as used."""
    await auth.check_right(ctx, claim_of(ctx.actor, Permission.TERMINAL_OPEN, machine.tenant_id, machine.project_id))
    command = CertifyUser(
        machine=machine, user_id=ctx.actor.id, purpose="command_line", session_id=ctx.actor.session_id
    )
    key, now = await read_key(ctx, public_key), await ctx.now()
    minutes = await ctx.policy(CERTIFICATE_MINUTES, machine.tenant_id, machine.project_id)
    valid_from, valid_to = validity(now, timedelta(minutes=minutes))
    principal = user_principal(machine.allocation_id, machine.login)
    serial, certificate = authority_of(ctx.settings).sign_user(
        key.line, principal, (principal,), valid_from, valid_to, permit_pty=True, permit_forwarding=machine.whole
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
    if ctx.actor.id is not None:
        await KeyRepository(ctx.session).note_use(ctx.actor.id, key.fingerprint, now)
    return signed


def known_hosts(settings: Settings, machine: AccessTarget) -> str:
    """The one line by which OpenSSH knows the machine: our authority, for this name alone."""
    return f"@cert-authority {machine.host_alias} {authority_of(settings).host_ca_public}"


def host_identity(settings: Settings, key_id: str, hostname: str, system_id: str, now: datetime) -> HostIdentity:
    """A fresh host key for one deployment, certified for the names of the machine, and whom the machine lets in."""
    authority = authority_of(settings)
    return HostIdentity(
        host_key=authority.issue_host(key_id, (hostname, system_id), now - CLOCK_SKEW, now + HOST_CERTIFICATE),
        user_authority=authority.user_ca_public,
        management_principal=management_principal(system_id),
    )
