"""Which keys are to open which allocation's machine. It decides and remembers; provisioning, which knows the machines,
brings it there and says how that went.

The whole list of an allocation is brought at once, so that a repeated or late delivery can do no harm.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.domains.releases.contracts import AllocationPlace, AttachmentView, WantedKey
from app.domains.releases.errors import TooManyKeys
from app.domains.releases.events import AccessChanged, AccessSettled
from app.domains.releases.policies import KEYS_PER_MACHINE
from app.domains.releases.repository import AttachmentRepository, CertificateRepository, KeyRepository
from app.shared.context import Context
from app.shared.errors import NotFound


async def tell(ctx: Context, allocation_id: UUID, tenant_id: UUID, project_id: UUID) -> None:
    """Other keys than before are wanted there."""
    fact = AccessChanged(allocation_id=allocation_id)
    await ctx.emit(fact, version=1, tenant_id=tenant_id, project_id=project_id)


async def unknown_keys(ctx: Context, owner_id: UUID | None, key_ids: Sequence[UUID]) -> tuple[UUID, ...]:
    """Those that are no keys of the owner (any more), in the order they came."""
    own = {key.id for key in await KeyRepository(ctx.session).list_keys(owner_id)} if owner_id else set()
    return tuple(dict.fromkeys(key_id for key_id in key_ids if key_id not in own))


async def too_many_keys(
    ctx: Context, tenant_id: UUID, project_id: UUID, owner_id: UUID | None, key_ids: Sequence[UUID] | None
) -> str | None:
    """Why so many keys (None: all of the owner's) cannot open one new machine; None when they can."""
    if owner_id is None:
        return None
    asked = len(set(key_ids)) if key_ids is not None else len(await KeyRepository(ctx.session).list_keys(owner_id))
    most = await ctx.policy(KEYS_PER_MACHINE, tenant_id, project_id)
    return _limit(most) if asked > most else None


def _limit(most: int) -> str:
    return f"At most {most} keys may open one machine. Detach one that is not used."


async def attach(ctx: Context, place: AllocationPlace, owner_id: UUID, key_ids: Sequence[UUID] | None) -> int:
    """Let keys of the owner (None: all) open the machine; how many are new there. Raises NotFound, TooManyKeys."""
    keys, repository = KeyRepository(ctx.session), AttachmentRepository(ctx.session)
    if key_ids is None:
        chosen = [key.id for key in await keys.list_keys(owner_id)]
    else:
        chosen = [(await keys.get_key(owner_id, key_id, lock=True)).id for key_id in dict.fromkeys(key_ids)]
    now, already = await ctx.now(), await repository.count_wanted(place.allocation_id)
    added = sum([await repository.attach(place, owner_id, key_id, now) for key_id in chosen])
    most = await ctx.policy(KEYS_PER_MACHINE, place.tenant_id, place.project_id)
    if added and already + added > most:
        raise TooManyKeys(_limit(most))
    if added:
        await tell(ctx, place.allocation_id, place.tenant_id, place.project_id)
    return added


async def detach(ctx: Context, place: AllocationPlace, key_id: UUID, owner_id: UUID | None) -> None:
    """The key is not to open the machine any more. With `owner_id` only a key of that person. Raises NotFound."""
    repository = AttachmentRepository(ctx.session)
    found = [row for row in await repository.list_attachments(place.allocation_id) if row.key_id == key_id]
    if not found or owner_id not in (None, found[0].owner_id):
        raise NotFound()
    if await repository.detach(place.allocation_id, key_id, await ctx.now()):
        await tell(ctx, place.allocation_id, place.tenant_id, place.project_id)


async def list_attachments(ctx: Context, allocation_id: UUID) -> list[AttachmentView]:
    """What is attached, on its way there or on its way off."""
    return await AttachmentRepository(ctx.session).list_attachments(allocation_id)


async def wanted(ctx: Context, allocation_id: UUID) -> list[WantedKey]:
    """The keys that are to open the machine, all of them."""
    return await AttachmentRepository(ctx.session).list_wanted(allocation_id)


async def settle(ctx: Context, place: AllocationPlace, applied: Sequence[UUID]) -> bool:
    """The machine takes exactly these keys. False when others are wanted by now: bring those."""
    repository = AttachmentRepository(ctx.session)
    if await repository.settle(place.allocation_id, applied, await ctx.now()):
        await _tell_settled(ctx, place)
    return {key.key_id for key in await repository.list_wanted(place.allocation_id)} == set(applied)


async def note_failure(ctx: Context, place: AllocationPlace, detail: str) -> int:
    """Bringing it there failed; the tries so far, 0 when nothing is left to do."""
    tries = await AttachmentRepository(ctx.session).note_failure(place.allocation_id, detail, await ctx.now())
    if tries:
        await _tell_settled(ctx, place)
    return tries


async def end(ctx: Context, allocation_id: UUID) -> None:
    """The allocation is over: nothing is attached to it any more, and no certificate is left to end."""
    await AttachmentRepository(ctx.session).end(allocation_id, await ctx.now())
    await CertificateRepository(ctx.session).end_place(allocation_id, await ctx.now())


async def note_uses(ctx: Context, allocation_id: UUID, uses: Mapping[str, datetime]) -> None:
    """What the machine says of accepted keys: fingerprint and the last time."""
    for fingerprint, at in uses.items():
        for owner_id in await AttachmentRepository(ctx.session).note_use(allocation_id, fingerprint, at):
            await KeyRepository(ctx.session).note_use(owner_id, fingerprint, at)


async def _tell_settled(ctx: Context, place: AllocationPlace) -> None:
    fact = AccessSettled(allocation_id=place.allocation_id)
    await ctx.emit(fact, version=1, tenant_id=place.tenant_id, project_id=place.project_id)
