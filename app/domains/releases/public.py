"""What other domains may ask about access to machines."""

from collections.abc import Iterable
from uuid import UUID

from app.context import Context
from app.domains.releases import service
from app.domains.releases.contracts import CertifyUser, SshCredential
from app.domains.releases.repository import KeyRepository
from app.domains.releases.rules import management_principal, user_principal
from app.domains.releases.service import mint_management_certificate, mint_user_certificate
from app.settings import Settings
from app.shared.pki import CertificateAuthority, local_authority

__all__ = [
    "authority_of",
    "certify_user",
    "has_entered",
    "management_principal",
    "mint_management_certificate",
    "mint_user_certificate",
    "user_principal",
]


def authority_of(settings: Settings) -> CertificateAuthority:
    """The certificate authority of this installation. Raises OSError when its keys are not there."""
    return local_authority(settings.pki_dir)


async def certify_user(ctx: Context, command: CertifyUser) -> SshCredential:
    """A key in memory and its certificate for some minutes (policy `releases.certificate_minutes`), remembered by its
    public half. The caller has checked that the person may enter. Commit before you use it."""
    return await service.certify_user(ctx, authority_of(ctx.settings), command)


async def has_entered(ctx: Context, allocation_ids: Iterable[UUID]) -> bool:
    """Whether anybody was ever given a way into one of these machines; the caller has checked whose they are."""
    return await KeyRepository(ctx.session).has_entered(list(allocation_ids))
