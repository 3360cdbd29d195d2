"""Own SSH keys on machines: who attaches and detaches, how the list reaches the machine, and certificates on request.

Releases decides which keys are wanted; here they are brought to the machine, the whole list at once, outside of any
transaction and again until it worked. A list that changed meanwhile is brought again, so the newest always wins.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.provisioning.contracts import (
    AccessTarget,
    AttachKey,
    AttachmentChanged,
    CertifyKey,
    DeploymentView,
    DetachKey,
    SyncAccess,
)
from app.domains.provisioning.errors import NodeRefused, NodeUnreachable, NotActive
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.rules.states import LEAVING, as_state
from app.domains.provisioning.service.proving import shell_of
from app.domains.provisioning.service.views import access_target
from app.domains.releases import public as releases
from app.domains.releases.contracts import (
    AllocationPlace,
    AttachmentView,
    CertifyUser,
    KeyView,
    SignedKey,
    SshCredential,
    WantedKey,
)
from app.shared.audit import AuditAction
from app.shared.authz import Permission, project_scope
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import claim_of
from app.shared.authz.scope import may
from app.shared.context import Context, Runtime
from app.shared.errors import Forbidden, ValidationFailed
from app.shared.use_case import use_case

SYNC_JOB = "provisioning.sync_access"
ROUNDS = 5  # a list that changes faster than it can be brought is left to the next job
PAUSES = (1, 2, 4, 8, 15, 30, 60)  # seconds between tries; the last one repeats


def place_of(allocation: Allocation | AccessTarget) -> AllocationPlace:
    """How releases knows an allocation."""
    return AllocationPlace(
        tenant_id=allocation.tenant_id,
        project_id=allocation.project_id,
        allocation_id=allocation.id if isinstance(allocation, Allocation) else allocation.allocation_id,
        login=allocation.login,
    )


# -- what people ask for -----------------------------------------------------------------------------------------------


@use_case(Permission.TERMINAL_OPEN, AuditAction.SSH_KEY_ATTACH, lambda command, _result: command.allocation_id)
async def attach_key(ctx: Context, command: AttachKey) -> AttachmentChanged:
    """Let one of the actor's keys open a running machine. Safe to repeat.

    Raises NotFound, NotActive, TooManyKeys, ValidationFailed.
    """
    scope = project_scope(ctx.actor, Permission.TERMINAL_OPEN)
    allocation = await AllocationRepository(ctx.session).get_in(scope, command.allocation_id, lock=True)
    if allocation.state != "active":
        raise NotActive(state=allocation.state)
    if ctx.actor.id is None:
        raise Forbidden()
    if await releases.unknown_keys(ctx, ctx.actor.id, [command.key_id]):
        raise ValidationFailed(fields={"key_id": "This is not one of your SSH keys."})
    await auth.check_right(ctx, claim_of(ctx.actor, Permission.TERMINAL_OPEN))
    await releases.attach_keys(ctx, place_of(allocation), ctx.actor.id, [command.key_id])
    ctx.explain(key_id=str(command.key_id))
    return AttachmentChanged(allocation_id=allocation.id, key_id=command.key_id)


@use_case(Permission.TERMINAL_OPEN, AuditAction.SSH_KEY_DETACH, lambda command, _result: command.allocation_id)
async def detach_key(ctx: Context, command: DetachKey) -> AttachmentChanged:
    """The key opens this machine no more; its connections end. Somebody else's key only by who manages the team.

    Raises NotFound.
    """
    scope = project_scope(ctx.actor, Permission.TERMINAL_OPEN)
    allocation = await AllocationRepository(ctx.session).get_in(scope, command.allocation_id)
    owner = None if may(ctx.actor, Permission.TEAM_MANAGE) else ctx.actor.id
    await releases.detach_key(ctx, place_of(allocation), command.key_id, owner)
    ctx.explain(key_id=str(command.key_id))
    return AttachmentChanged(allocation_id=allocation.id, key_id=command.key_id)


class Certified(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate, where it opens what, and how the machine proves itself."""

    target: AccessTarget
    signed: SignedKey
    known_hosts: str


@use_case(Permission.TERMINAL_OPEN, AuditAction.SSH_CERTIFICATE_SIGN, lambda command, _result: command.allocation_id)
async def certify_key(ctx: Context, command: CertifyKey) -> Certified:
    """A certificate for the key that the caller holds, for minutes. Raises NotFound, NotActive, KeyRejected."""
    target = await access_target(ctx, command.allocation_id)
    await auth.check_right(ctx, claim_of(ctx.actor, Permission.TERMINAL_OPEN, target.tenant_id, target.project_id))
    order = CertifyUser(
        tenant_id=target.tenant_id,
        project_id=target.project_id,
        allocation_id=target.allocation_id,
        user_id=ctx.actor.id,
        login=target.login,
        purpose="command_line",
        whole=target.whole,
        session_id=ctx.actor.session_id,
    )
    signed = await releases.certify_key(ctx, order, command.public_key)
    ctx.explain(serial=str(signed.serial))
    return Certified(target=target, signed=signed, known_hosts=known_hosts(ctx, target))


def known_hosts(ctx: Context, target: AccessTarget) -> str:
    """The one line by which OpenSSH knows the machine: our authority, for this name alone."""
    return f"@cert-authority {target.host_alias} {releases.authority_of(ctx.settings).host_ca_public}"


class AttachedKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key on the machine with its owner's name; `mine` is what the actor may always take off again."""

    attachment: AttachmentView
    owner_name: str
    mine: bool
    may_detach: bool


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What the Connect tab shows. Without a running machine there is no `target`."""

    allocation: Allocation
    target: AccessTarget | None
    known_hosts: str
    attached: list[AttachedKey]
    free: list[KeyView]


async def list_attached(ctx: Context, allocation_id: UUID) -> list[AttachedKey]:
    """The keys of one machine of the actor's project. Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    await AllocationRepository(ctx.session).get_in(scope, allocation_id)
    rows = await releases.attachments_of(ctx, allocation_id)
    people = await auth.people(ctx, {row.owner_id for row in rows})
    manages = may(ctx.actor, Permission.TEAM_MANAGE)
    return [
        AttachedKey(
            attachment=row,
            owner_name=people[row.owner_id].name if row.owner_id in people else "a service account",
            mine=row.owner_id == ctx.actor.id,
            may_detach=manages or row.owner_id == ctx.actor.id,
        )
        for row in rows
    ]


async def connection(ctx: Context, allocation_id: UUID) -> Connection:
    """Every way to the machine. Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    allocation = await AllocationRepository(ctx.session).get_in(scope, allocation_id)
    attached = await list_attached(ctx, allocation_id)
    may_enter = allocation.state == "active" and may(ctx.actor, Permission.TERMINAL_OPEN)
    target = await access_target(ctx, allocation_id) if may_enter else None
    used = {row.attachment.key_id for row in attached if row.attachment.state != "detaching"}
    own = await releases.keys_of_actor(ctx) if may(ctx.actor, Permission.SSH_KEY_MANAGE) else []
    return Connection(
        allocation=allocation,
        target=target,
        known_hosts=known_hosts(ctx, target) if target else "",
        attached=attached,
        free=[key for key in own if key.id not in used],
    )


# -- how it reaches the machine ----------------------------------------------------------------------------------------


async def ask_sync(ctx: Context, allocation_id: UUID, due_at: datetime | None = None) -> None:
    """Ask for the list to be brought to the machine after the commit."""
    await ctx.enqueue(SYNC_JOB, SyncAccess(allocation_id=allocation_id), aggregate_id=allocation_id, due_at=due_at)


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    allocation: Allocation
    deployment: DeploymentView
    keys: list[WantedKey]
    management: SshCredential


async def sync_access(runtime: Runtime, allocation_id: UUID) -> None:
    """Bring the wanted keys to the machine; a failure is shown on the page and tried again after a pause."""
    for _ in range(ROUNDS):
        order = await _order(runtime, allocation_id)
        if order is None:
            return
        try:
            keys = {key.key_id: key.public_key for key in order.keys}
            await shell_of(runtime, order.deployment).set_keys(order.management, order.allocation.login, keys)
        except (NodeUnreachable, NodeRefused) as error:
            await _failed(runtime, order.allocation, error.message)
            return
        async with runtime.context(SYSTEM) as ctx:
            if await releases.settle_keys(ctx, place_of(order.allocation), list(keys)):
                return
    async with runtime.context(SYSTEM) as ctx:
        await ask_sync(ctx, allocation_id)


async def _order(runtime: Runtime, allocation_id: UUID) -> _Order | None:
    """What to do, or None: before it is active and after it is given back others see to the machine's doors."""
    async with runtime.context(SYSTEM) as ctx:
        allocation = await AllocationRepository(ctx.session).get(allocation_id)
        if allocation.state != "active":
            if as_state(allocation.state) in LEAVING or allocation.ended_at is not None:
                await releases.end_attachments(ctx, allocation_id)
            return None
        deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
        authority = releases.authority_of(ctx.settings)
        management = releases.mint_management_certificate(authority, deployment.system_id, await ctx.now())
        keys = await releases.wanted_keys(ctx, allocation_id)
        return _Order(allocation=allocation, deployment=deployment, keys=keys, management=management)


async def _failed(runtime: Runtime, allocation: Allocation, reason: str) -> None:
    async with runtime.context(SYSTEM) as ctx:
        tries = await releases.note_failure(ctx, place_of(allocation), reason)
        if tries:
            pause = PAUSES[min(tries, len(PAUSES)) - 1]
            await ask_sync(ctx, allocation.id, due_at=await ctx.now() + timedelta(seconds=pause))


async def sweep_access(runtime: Runtime) -> int:
    """Ask again for what nobody works on any more. Returns for how many machines."""
    async with runtime.context(SYSTEM) as ctx:
        before = await ctx.now() - timedelta(seconds=PAUSES[-1] * 2)
        lost = await releases.open_allocations(ctx, before)
        for allocation_id in lost:
            await ask_sync(ctx, allocation_id)
    return len(lost)


async def read_uses(runtime: Runtime) -> None:
    """Ask each machine that a key opens when it was last used. One that does not answer is asked at the next turn."""
    async with runtime.context(SYSTEM) as ctx:
        watched = await releases.watched_allocations(ctx)
    for allocation_id in watched:
        order = await _order(runtime, allocation_id)
        if order is None:
            continue
        try:
            used = await shell_of(runtime, order.deployment).keys_used(order.management, order.allocation.login)
        except (NodeUnreachable, NodeRefused):
            continue
        async with runtime.context(SYSTEM) as ctx:
            latest = await ctx.now()
            uses = {use.fingerprint: min(_instant(use.at, latest), latest) for use in used}
            await releases.note_uses(ctx, allocation_id, uses)


def _instant(seconds: int, latest: datetime) -> datetime:
    """The second of the machine's clock; one that cannot be is now."""
    if not 0 < seconds < 253_402_300_800:
        return latest
    return datetime.fromtimestamp(seconds, latest.tzinfo)
