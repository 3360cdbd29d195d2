"""Access to a machine as people request it: attaching and detaching their own keys, certificates, the Connect tab.
Releases owns keys and certificates and applies them to the machine; this module finds the machine and checks that it is
active."""

from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.provisioning.contracts import (
    AccessTarget,
    AttachKey,
    AttachmentChanged,
    CertifyKey,
    DetachKey,
)
from app.domains.provisioning.errors import NotActive
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.service.targets import access_target, login_of
from app.domains.releases import public as releases
from app.domains.releases.contracts import AttachmentView, KeyView, SignedKey
from app.shared.audit import AuditAction
from app.shared.authz import Permission, project_scope
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.use_case import use_case


@use_case(Permission.TERMINAL_OPEN, AuditAction.SSH_KEY_ATTACH, lambda command, _result: command.allocation_id)
async def attach_key(ctx: Context, command: AttachKey) -> AttachmentChanged:
    """Let one of the actor's keys open a running machine. Safe to repeat.

    Raises NotFound, NotActive, TooManyKeys, ValidationFailed.
    """
    scope = project_scope(ctx.actor, Permission.TERMINAL_OPEN)
    allocation = await AllocationRepository(ctx.session).get_in(scope, command.allocation_id, lock=True)
    if allocation.state != "active":
        raise NotActive(state=allocation.state)
    await releases.attach_own_key(ctx, login_of(allocation), command.key_id)
    ctx.explain(key_id=str(command.key_id))
    return AttachmentChanged(allocation_id=allocation.id, key_id=command.key_id)


@use_case(Permission.TERMINAL_OPEN, AuditAction.SSH_KEY_DETACH, lambda command, _result: command.allocation_id)
async def detach_key(ctx: Context, command: DetachKey) -> AttachmentChanged:
    """The key no longer opens this machine; its connections end. Detaching another person's key requires the right to
    manage the team. Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.TERMINAL_OPEN)
    allocation = await AllocationRepository(ctx.session).get_in(scope, command.allocation_id)
    owner = None if may(ctx.actor, Permission.TEAM_MANAGE) else ctx.actor.id
    await releases.detach_key(ctx, login_of(allocation), command.key_id, owner)
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
    signed = await releases.certify_key(ctx, target, command.public_key)
    ctx.explain(serial=str(signed.serial))
    return Certified(target=target, signed=signed, known_hosts=releases.known_hosts(ctx.settings, target))


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
    rows = await releases.list_attachments(ctx, allocation_id)
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
    own = await releases.list_keys(ctx) if may(ctx.actor, Permission.SSH_KEY_MANAGE) else []
    return Connection(
        allocation=allocation,
        target=target,
        known_hosts=releases.known_hosts(ctx.settings, target) if target else "",
        attached=attached,
        free=[key for key in own if key.id not in used],
    )
