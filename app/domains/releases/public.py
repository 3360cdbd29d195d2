"""What other domains may ask about access to machines."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.domains.releases.contracts import (
    AllocationPlace,
    AttachmentView,
    CertificateView,
    CertifyUser,
    KeyView,
    SignedKey,
    SshCredential,
    WantedKey,
)
from app.domains.releases.repository import AttachmentRepository, CertificateRepository
from app.domains.releases.rules import management_principal, user_principal
from app.domains.releases.rules.public_keys import shown_kind
from app.domains.releases.service import attachments, certificates, keys
from app.domains.releases.service.certificates import mint_management_certificate, mint_user_certificate
from app.settings import Settings
from app.shared.context import Context
from app.shared.pki import CertificateAuthority, local_authority

__all__ = [
    "attach_keys",
    "attachments_of",
    "authority_of",
    "certify_key",
    "certify_user",
    "detach_key",
    "end_attachments",
    "ending_certificates",
    "has_entered",
    "keys_of_actor",
    "late_endings",
    "management_principal",
    "mint_management_certificate",
    "mint_user_certificate",
    "note_failure",
    "note_refused",
    "note_uses",
    "open_allocations",
    "settle_keys",
    "shown_kind",
    "too_many_keys",
    "unknown_keys",
    "user_principal",
    "wanted_keys",
    "watched_allocations",
]


def authority_of(settings: Settings) -> CertificateAuthority:
    """The certificate authority of this installation. Raises OSError when its keys are not there."""
    return local_authority(settings.pki_dir)


async def certify_user(ctx: Context, command: CertifyUser) -> SshCredential:
    """A key in memory and its certificate for some minutes (policy `releases.certificate_minutes`), remembered by its
    public half. The caller has checked that the person may enter. Commit before you use it."""
    return await certificates.certify_user(ctx, authority_of(ctx.settings), command)


async def has_entered(ctx: Context, allocation_ids: Iterable[UUID]) -> bool:
    """Whether anybody was ever given a way into one of these machines; the caller has checked whose they are."""
    return await CertificateRepository(ctx.session).has_entered(list(allocation_ids))


async def certify_key(ctx: Context, command: CertifyUser, public_key: str) -> SignedKey:
    """The same for a key that the person holds. Raises KeyRejected."""
    return await certificates.certify_key(ctx, authority_of(ctx.settings), command, public_key)


async def ending_certificates(ctx: Context, allocation_id: UUID) -> list[CertificateView]:
    """Certificates for keys of people's own whose right has ended, and which the machine is not known to refuse yet: by
    their serials a machine tells connections apart."""
    return await CertificateRepository(ctx.session).list_ending(allocation_id)


async def note_refused(ctx: Context, allocation_id: UUID, serials: Sequence[int]) -> None:
    """The machine refuses them from now on, and the connections that they made are closed."""
    await CertificateRepository(ctx.session).note_refused(allocation_id, serials, await ctx.now())


async def late_endings(ctx: Context, before: datetime) -> list[UUID]:
    """Allocations where that is still to be done since before that instant; at most 200."""
    return await CertificateRepository(ctx.session).list_late(before)


async def keys_of_actor(ctx: Context) -> list[KeyView]:
    """The keys that the actor registered, oldest first."""
    return await keys.list_keys(ctx)


async def attach_keys(ctx: Context, place: AllocationPlace, owner_id: UUID, key_ids: Sequence[UUID] | None) -> int:
    """Let keys of the owner (None: all) open the machine; how many are new there. Raises NotFound, TooManyKeys."""
    return await attachments.attach(ctx, place, owner_id, key_ids)


async def unknown_keys(ctx: Context, owner_id: UUID | None, key_ids: Sequence[UUID]) -> tuple[UUID, ...]:
    """Those of `key_ids` that are no keys of the owner."""
    return await attachments.unknown_keys(ctx, owner_id, key_ids)


async def too_many_keys(
    ctx: Context, tenant_id: UUID, project_id: UUID, owner_id: UUID | None, key_ids: Sequence[UUID] | None
) -> str | None:
    """Why so many keys (None: all of the owner's) cannot open one new machine, in one sentence; None when they can."""
    return await attachments.too_many_keys(ctx, tenant_id, project_id, owner_id, key_ids)


async def detach_key(ctx: Context, place: AllocationPlace, key_id: UUID, owner_id: UUID | None) -> None:
    """The key is not to open the machine any more; with `owner_id` only that person's. Raises NotFound."""
    await attachments.detach(ctx, place, key_id, owner_id)


async def attachments_of(ctx: Context, allocation_id: UUID) -> list[AttachmentView]:
    """Which keys open the machine, or are on their way there or off."""
    return await attachments.list_attachments(ctx, allocation_id)


async def end_attachments(ctx: Context, allocation_id: UUID) -> None:
    """The allocation is over: nothing is attached to it any more."""
    await attachments.end(ctx, allocation_id)


# -- for whoever brings keys to machines -------------------------------------------------------------------------------


async def wanted_keys(ctx: Context, allocation_id: UUID) -> list[WantedKey]:
    """All keys that are to open the machine."""
    return await attachments.wanted(ctx, allocation_id)


async def settle_keys(ctx: Context, place: AllocationPlace, applied: Sequence[UUID]) -> bool:
    """The machine takes exactly these keys now. False: others are wanted by now, bring those."""
    return await attachments.settle(ctx, place, applied)


async def note_failure(ctx: Context, place: AllocationPlace, detail: str) -> int:
    """Bringing them there failed, for that reason; the tries so far, 0 when nothing is left to do."""
    return await attachments.note_failure(ctx, place, detail)


async def note_uses(ctx: Context, allocation_id: UUID, uses: Mapping[str, datetime]) -> None:
    """The machine says when it last let a key in, by fingerprint."""
    await attachments.note_uses(ctx, allocation_id, uses)


async def open_allocations(ctx: Context, before: datetime) -> list[UUID]:
    """Allocations whose keys have not been brought there since before that instant; at most 200."""
    return await AttachmentRepository(ctx.session).list_open(before)


async def watched_allocations(ctx: Context) -> list[UUID]:
    """Allocations that some key opens; at most 500."""
    return await AttachmentRepository(ctx.session).list_attached()
