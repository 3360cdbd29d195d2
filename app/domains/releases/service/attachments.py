"""Which keys are to open which allocation's machine: decided and remembered here, brought there by `delivery`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.domains.auth import public as auth
from app.domains.provisioning.contracts import MachineLogin
from app.domains.releases.contracts import AttachmentView
from app.domains.releases.errors import TooManyKeys
from app.domains.releases.events import AccessSettled
from app.domains.releases.policies import KEYS_PER_MACHINE
from app.domains.releases.repository import AttachmentRepository, CertificateRepository, KeyRepository
from app.domains.releases.service.changes import ask_keys, keys_changed
from app.shared.authz import Permission
from app.shared.authz.rights import claim_of
from app.shared.context import Context
from app.shared.errors import Forbidden, NotFound, ValidationFailed


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
    limit = await ctx.policy(KEYS_PER_MACHINE, tenant_id, project_id)
    return _limit(limit) if asked > limit else None


def _limit(limit: int) -> str:
    return f"At most {limit} keys may open one machine. Detach one that is not used."


async def attach_own_key(ctx: Context, machine: MachineLogin, key_id: UUID) -> None:
    """Let a key of the actor open the machine. Raises Forbidden, RightEnded, TooManyKeys, ValidationFailed."""
    if ctx.actor.id is None:
        raise Forbidden()
    if await unknown_keys(ctx, ctx.actor.id, [key_id]):
        raise ValidationFailed(fields={"key_id": "This is not one of your SSH keys."})
    await auth.check_right(ctx, claim_of(ctx.actor, Permission.TERMINAL_OPEN))
    await attach_keys(ctx, machine, ctx.actor.id, [key_id])


async def attach_keys(ctx: Context, machine: MachineLogin, owner_id: UUID, key_ids: Sequence[UUID] | None) -> int:
    """Let keys of the owner (None: all) open the machine; how many are new there. Raises NotFound, TooManyKeys."""
    keys, repository = KeyRepository(ctx.session), AttachmentRepository(ctx.session)
    if key_ids is None:
        chosen = [key.id for key in await keys.list_keys(owner_id)]
    else:
        chosen = [(await keys.get_key(owner_id, key_id, lock=True)).id for key_id in dict.fromkeys(key_ids)]
    now, already = await ctx.now(), await repository.count_wanted(machine.allocation_id)
    added = sum([await repository.attach(machine, owner_id, key_id, now) for key_id in chosen])
    limit = await ctx.policy(KEYS_PER_MACHINE, machine.tenant_id, machine.project_id)
    if added and already + added > limit:
        raise TooManyKeys(_limit(limit))
    if added:
        await keys_changed(ctx, machine.allocation_id, machine.tenant_id, machine.project_id)
    return added


async def detach_key(ctx: Context, machine: MachineLogin, key_id: UUID, owner_id: UUID | None) -> None:
    """The key is not to open the machine any more. With `owner_id` only a key of that person. Raises NotFound."""
    repository = AttachmentRepository(ctx.session)
    found = [row for row in await repository.list_attachments(machine.allocation_id) if row.key_id == key_id]
    if not found or owner_id not in (None, found[0].owner_id):
        raise NotFound()
    if await repository.detach(machine.allocation_id, key_id, await ctx.now()):
        await keys_changed(ctx, machine.allocation_id, machine.tenant_id, machine.project_id)


async def list_attachments(ctx: Context, allocation_id: UUID) -> list[AttachmentView]:
    """What is attached, on its way there or on its way off."""
    return await AttachmentRepository(ctx.session).list_attachments(allocation_id)


async def machine_ready(ctx: Context, allocation_id: UUID) -> None:
    """The machine can be logged in to from now on: the keys that wait for it are brought there."""
    if await AttachmentRepository(ctx.session).list_wanted(allocation_id):
        await ask_keys(ctx, allocation_id)


async def settle(ctx: Context, machine: MachineLogin, applied: Sequence[UUID]) -> bool:
    """The machine takes exactly these keys. False when others are wanted by now: bring those."""
    repository = AttachmentRepository(ctx.session)
    if await repository.settle(machine.allocation_id, applied, await ctx.now()):
        await _emit_settled(ctx, machine)
    return {key.key_id for key in await repository.list_wanted(machine.allocation_id)} == set(applied)


async def note_failure(ctx: Context, machine: MachineLogin, detail: str) -> int:
    """Bringing it there failed; the tries so far, 0 when nothing is left to do."""
    tries = await AttachmentRepository(ctx.session).note_failure(machine.allocation_id, detail, await ctx.now())
    if tries:
        await _emit_settled(ctx, machine)
    return tries


async def end_access(ctx: Context, allocation_id: UUID) -> None:
    """The allocation is over: nothing is attached to it any more, and no certificate is left to end."""
    await AttachmentRepository(ctx.session).end(allocation_id, await ctx.now())
    await CertificateRepository(ctx.session).end_on_machine(allocation_id, await ctx.now())


async def note_uses(ctx: Context, allocation_id: UUID, uses: Mapping[str, datetime]) -> None:
    """What the machine says of accepted keys: fingerprint and the last time."""
    for fingerprint, at in uses.items():
        for owner_id in await AttachmentRepository(ctx.session).note_use(allocation_id, fingerprint, at):
            await KeyRepository(ctx.session).note_use(owner_id, fingerprint, at)


async def _emit_settled(ctx: Context, machine: MachineLogin) -> None:
    settled = AccessSettled(allocation_id=machine.allocation_id)
    await ctx.emit(settled, version=1, tenant_id=machine.tenant_id, project_id=machine.project_id)
