"""The state of one node: what provisioning finds, and what operators decide. Its tenants are not changed here."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from app.domains.inventory.contracts import NodeDetail, NodeId, NodeState
from app.domains.inventory.errors import NodeNotInService
from app.domains.inventory.events import (
    NodeCordoned,
    NodeQuarantined,
    NodeQuarantineLifted,
    NodeUncordoned,
    SlotsChanged,
)
from app.domains.inventory.repository.nodes import Changed, LockedNode, NodeRepository
from app.domains.inventory.repository.slots import SlotRepository
from app.domains.inventory.service.history import note
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.context import Context
from app.shared.errors import NotFound
from app.shared.text import checked_text
from app.shared.use_case import use_case


class CordonNode(msgspec.Struct, frozen=True, kw_only=True):
    """Place no new tenants on the node; present ones remain."""

    node_id: UUID
    reason: str


class UncordonNode(msgspec.Struct, frozen=True, kw_only=True):
    """Allow new tenants on the node again."""

    node_id: UUID


class LiftQuarantine(msgspec.Struct, frozen=True, kw_only=True):
    """Return a quarantined node to service."""

    node_id: UUID
    reason: str


class NodeChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The node after an operator's change."""

    node_id: UUID
    state: NodeState
    cordoned: bool
    version: int


LONGEST_REASON = 500


async def get_node(ctx: Context, node_id: UUID) -> NodeDetail:
    """Everything about one node. Raises NotFound."""
    found = await NodeRepository(ctx.session).find_node(node_id)
    if found is None:
        raise NotFound()
    return found


async def node_by_system_id(ctx: Context, system_id: str) -> NodeId:
    """The node with this MAAS system id. Raises NotFound."""
    found = await NodeRepository(ctx.session).find_id(system_id)
    if found is None:
        raise NotFound()
    return found


async def node_names(ctx: Context, node_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Host names by id."""
    return await NodeRepository(ctx.session).list_names(node_ids)


async def quarantine(ctx: Context, node_id: UUID, reason: str) -> None:
    """Take a node out of service until a person has looked. `reason` is plain text for operators, without secrets.
    Safe to repeat. Raises NotFound."""
    node = await lock(ctx, node_id)
    if node.state in ("quarantined", "retired"):  # it is out of service already
        return
    state_reason = reason[:LONGEST_REASON] or "no reason was given"
    changed = await NodeRepository(ctx.session).set_state(node_id, "quarantined", state_reason, await ctx.now())
    await note(ctx, node_id, "quarantined", state_reason)
    await ctx.emit(NodeQuarantined(node_id=node_id, reason=state_reason), version=changed.version)
    await publish_slots(ctx, node_id, changed)


async def mark_shared(ctx: Context, node_id: UUID, image_id: UUID | None, tenant_id: UUID | None = None) -> None:
    """The node is deployed with this image and its slots are sold one by one, to this tenant as far as we know. Without
    an image: no longer; call it when MAAS has released the node, after the last slot was freed. Raises NotFound."""
    await lock(ctx, node_id)
    await publish_slots(ctx, node_id, await NodeRepository(ctx.session).set_shared(node_id, image_id, tenant_id))


async def observe_node(ctx: Context, node_id: UUID, maas_state: str, address: str | None = None) -> None:
    """Record what was just read of the machine from MAAS (a `maas` NodeState). Call it after a deploy and after a
    release: a node that MAAS does not show as `ready` gets no whole-machine tenant before the next import."""
    await lock(ctx, node_id)
    changed = await NodeRepository(ctx.session).set_observed(node_id, maas_state, address, await ctx.now())
    await publish_slots(ctx, node_id, changed)


@use_case(Permission.PLATFORM_NODE_MANAGE, AuditAction.NODE_CORDON, lambda command, _result: command.node_id)
async def cordon_node(ctx: Context, command: CordonNode) -> NodeChanged:
    """Allow no new tenants. A second cordon keeps the first one's time and takes the new reason. Raises NotFound."""
    reason = reason_of(command.reason)
    ctx.explain(reason=reason)
    node = await lock(ctx, command.node_id)
    changed = await NodeRepository(ctx.session).set_cordon(command.node_id, await ctx.now(), reason)
    ctx.changed(cordoned=(node.cordoned, True))
    await note(ctx, node.id, "cordoned", reason)
    await ctx.emit(NodeCordoned(node_id=node.id), version=changed.version)
    await publish_slots(ctx, node.id, changed)
    return NodeChanged(node_id=node.id, state=node.state, cordoned=True, version=changed.version)


@use_case(Permission.PLATFORM_NODE_MANAGE, AuditAction.NODE_UNCORDON, lambda command, _result: command.node_id)
async def uncordon_node(ctx: Context, command: UncordonNode) -> NodeChanged:
    """Allow new tenants again. A node that is not cordoned is not changed. Raises NotFound."""
    node = await lock(ctx, command.node_id)
    ctx.changed(cordoned=(node.cordoned, False))
    if not node.cordoned:
        return NodeChanged(node_id=node.id, state=node.state, cordoned=False, version=node.version)
    changed = await NodeRepository(ctx.session).set_cordon(node.id, None, None)
    await note(ctx, node.id, "uncordoned")
    await ctx.emit(NodeUncordoned(node_id=node.id), version=changed.version)
    await publish_slots(ctx, node.id, changed)
    return NodeChanged(node_id=node.id, state=node.state, cordoned=False, version=changed.version)


@use_case(Permission.PLATFORM_NODE_MANAGE, AuditAction.NODE_LIFT_QUARANTINE, lambda command, _result: command.node_id)
async def lift_quarantine(ctx: Context, command: LiftQuarantine) -> NodeChanged:
    """Return it to service. Raises NotFound, NodeNotInService when it is not quarantined."""
    reason = reason_of(command.reason)
    ctx.explain(reason=reason)
    node = await lock(ctx, command.node_id)
    if node.state != "quarantined":
        raise NodeNotInService("This node is not quarantined.", state=node.state)
    changed = await NodeRepository(ctx.session).set_state(node.id, "ready", None, await ctx.now())
    ctx.changed(state=(node.state, "ready"))
    await note(ctx, node.id, "quarantine_lifted", reason)
    await ctx.emit(NodeQuarantineLifted(node_id=node.id), version=changed.version)
    await publish_slots(ctx, node.id, changed)
    return NodeChanged(node_id=node.id, state="ready", cordoned=node.cordoned, version=changed.version)


async def publish_slots(ctx: Context, node_id: UUID, changed: Changed) -> None:
    """What is free of a type may have changed."""
    held = (await SlotRepository(ctx.session).list_slots([node_id]))[node_id]
    free = sum(slot.allocation_id is None for slot in held)
    event = SlotsChanged(node_id=node_id, sku_id=changed.sku_id, free_slots=free)
    await ctx.emit(event, version=changed.version)


async def lock(ctx: Context, node_id: UUID) -> LockedNode:
    """The node under its lock. Raises NotFound."""
    node = await NodeRepository(ctx.session).lock_node(node_id)
    if node is None:
        raise NotFound()
    return node


def reason_of(text: str) -> str:
    """A reason in one line. Raises ValidationFailed."""
    return checked_text(text, wanted=f"Say why, in 3 to {LONGEST_REASON} characters")
