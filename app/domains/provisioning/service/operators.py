"""What operators see and do with machines of all tenants. Every act wants a reason, which the customer may read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.domains.auth import public as auth
from app.domains.billing import public as billing
from app.domains.billing.contracts import CostView
from app.domains.inventory import public as inventory
from app.domains.inventory.contracts import ImageView, NodeDetail, SkuView
from app.domains.provisioning.contracts import provision_workflow_id, release_workflow_id
from app.domains.provisioning.errors import ConfirmationMissing
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import OperatorRepository, TimelineRepository
from app.domains.provisioning.repository.operators import AllocationFilter, OperatorNote, PlacementRecord
from app.domains.provisioning.repository.timeline import StepView
from app.domains.provisioning.rules.states import STARTING, as_state
from app.domains.provisioning.service import fleet
from app.domains.provisioning.service.release import Changed, begin_cancel, begin_release
from app.shared.audit import AuditAction
from app.shared.authz import Permission, platform_scope
from app.shared.context import Context, ContextFactory
from app.shared.errors import DomainError
from app.shared.text import checked_text, given
from app.shared.use_case import use_case


class ForceRelease(msgspec.Struct, frozen=True, kw_only=True):
    """An operator takes a machine back, whosever it is. `confirm_name`: what was typed; None from programs."""

    allocation_id: UUID
    reason: str
    confirm_name: str | None = None


class ForceCancel(msgspec.Struct, frozen=True, kw_only=True):
    """An operator cancels a launch of any tenant."""

    allocation_id: UUID
    reason: str


class EmptyNode(msgspec.Struct, frozen=True, kw_only=True):
    """An operator takes back everything on a node, one by one."""

    node_id: UUID
    reason: str
    confirm_name: str | None = None


LONGEST_REASON = 500
READ, RELEASE = Permission.PLATFORM_ALLOCATION_READ, Permission.PLATFORM_ALLOCATION_RELEASE


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a page of the operator's list. `node` is a host name's id; `stuck` keeps what is past its time."""

    live: bool = False
    stuck: bool = False
    state: str | None = None
    sku: str | None = None
    tenant_id: UUID | None = None
    project_id: UUID | None = None
    node_id: UUID | None = None
    search: str | None = None
    before: UUID | None = None
    limit: int = 50


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Some allocations with what they are called and cost. One row more than `limit`: there is another page."""

    rows: tuple[Allocation, ...]
    limit: int
    names: dict[UUID, str]
    nodes: dict[UUID, str]
    costs: dict[UUID, CostView]


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """One allocation with everything an operator may want to know."""

    allocation: Allocation
    sku: SkuView
    image: ImageView
    names: dict[UUID, str]
    node_name: str | None
    cost: CostView | None
    steps: list[StepView]
    placements: list[PlacementRecord]
    notes: list[OperatorNote]
    usual: dict[str, float]
    workflows: tuple[str, ...]
    at: datetime


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """An allocation on a node, and its slots."""

    allocation: Allocation
    slots: tuple[int, ...]


class NodeWithHolders(msgspec.Struct, frozen=True, kw_only=True):
    """A node with the allocations on it."""

    node: NodeDetail
    holders: tuple[Holder, ...]
    names: dict[UUID, str]
    at: datetime


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one machine of a node that is emptied: released, canceled, or why not."""

    allocation_id: UUID
    name: str
    outcome: Literal["released", "canceled", "refused"]
    why: str = ""


class Emptied(msgspec.Struct, frozen=True, kw_only=True):
    """One result per machine."""

    node_id: UUID
    results: tuple[Taken, ...]


async def page_allocations(ctx: Context, query: Query) -> Found:
    """Allocations of all tenants, newest first. Raises Forbidden."""
    scope = platform_scope(ctx.actor, READ)
    ids = [item.allocation.id for item in (await fleet.stuck(ctx)).machines] if query.stuck else None
    wanted = AllocationFilter(
        live=query.live,
        state=given(query.state),
        sku=given(query.sku),
        tenant_id=query.tenant_id,
        project_id=query.project_id,
        node_id=query.node_id,
        ids=ids,
        search=given(query.search.strip().lower()) if query.search is not None else None,
        before=query.before,
        limit=query.limit + 1,
    )
    rows = await OperatorRepository(ctx.session).page(scope, wanted)
    return Found(
        rows=tuple(rows),
        limit=query.limit,
        names=await auth.names_of(ctx, {key for row in rows for key in (row.tenant_id, row.project_id)}),
        nodes=await inventory.node_names(ctx, {row.node_id for row in rows if row.node_id is not None}),
        costs=await billing.costs_of(ctx, [row.id for row in rows]),
    )


async def get_allocation(ctx: Context, allocation_id: UUID) -> Detail:
    """One allocation of any tenant. Raises NotFound, Forbidden."""
    scope, repository = platform_scope(ctx.actor, READ), OperatorRepository(ctx.session)
    row = await repository.get(scope, allocation_id)
    notes = (await repository.notes([row.id])).get(row.id, [])
    timeline = TimelineRepository(ctx.session)
    people = {note.actor_id for note in notes if note.actor_id is not None}
    nodes = await inventory.node_names(ctx, [row.node_id]) if row.node_id else {}
    workflows = [provision_workflow_id(row.id)] + ([release_workflow_id(row.id)] if row.release_requested_at else [])
    return Detail(
        allocation=row,
        sku=await inventory.get_sku(ctx, row.sku_id),
        image=await inventory.image(ctx, row.image_code),
        names=await auth.names_of(ctx, {row.tenant_id, row.project_id, row.user_id} | people),
        node_name=nodes.get(row.node_id) if row.node_id else None,
        cost=(await billing.costs_of(ctx, [row.id])).get(row.id),
        steps=await timeline.steps(row.id),
        placements=await repository.placements(scope, row.id),
        notes=notes,
        usual=await timeline.usual_seconds(row.sku_id, row.image_code),
        workflows=tuple(workflows),
        at=await ctx.now(),
    )


async def get_node(ctx: Context, node_id: UUID) -> NodeWithHolders:
    """A node with the allocations on it. Raises NotFound, Forbidden."""
    scope = platform_scope(ctx.actor, READ)
    node = await inventory.get_node(ctx, node_id)
    held: dict[UUID, list[int]] = {}
    for slot in node.slots:
        if slot.allocation_id is not None:
            held.setdefault(slot.allocation_id, []).append(slot.index)
    rows = await OperatorRepository(ctx.session).page(scope, AllocationFilter(ids=list(held), limit=max(1, len(held))))
    return NodeWithHolders(
        node=node,
        holders=tuple(Holder(allocation=row, slots=tuple(held[row.id])) for row in reversed(rows)),
        names=await auth.names_of(ctx, {key for row in rows for key in (row.tenant_id, row.project_id)}),
        at=await ctx.now(),
    )


def _target(command: ForceRelease | ForceCancel, _result: Changed | None) -> UUID:
    return command.allocation_id


@use_case(RELEASE, AuditAction.ALLOCATION_FORCE_RELEASE, _target)
async def force_release(ctx: Context, command: ForceRelease) -> Changed:
    """Take a running machine back, whosever it is: billing ends now, everything on it is lost. Safe to repeat.

    Raises NotFound, ConfirmationMissing, NotReleasable (it starts: cancel it), AllocationEnded.
    """
    repository = OperatorRepository(ctx.session)
    reason = reason_of(command.reason)
    ctx.explain(reason=reason)
    row = await repository.get(platform_scope(ctx.actor, RELEASE), command.allocation_id)
    if command.confirm_name is not None and command.confirm_name.strip() != row.name:
        raise ConfirmationMissing()
    changed = await begin_release(ctx, row, "operator")
    if row.state == "active":
        await repository.append_note(row, "release", reason, ctx.actor.id, await ctx.now())
    return changed


@use_case(RELEASE, AuditAction.ALLOCATION_FORCE_CANCEL, _target)
async def force_cancel(ctx: Context, command: ForceCancel) -> Changed:
    """Cancel a launch of any tenant: nothing is charged. Safe to repeat.

    Raises NotFound, NotCancelable (it is active), AllocationEnded.
    """
    repository = OperatorRepository(ctx.session)
    reason = reason_of(command.reason)
    ctx.explain(reason=reason)
    row = await repository.get(platform_scope(ctx.actor, RELEASE), command.allocation_id, lock=True)
    changed = await begin_cancel(ctx, row)
    if not row.cancel_requested:
        await repository.append_note(row, "cancel", reason, ctx.actor.id, await ctx.now())
    return changed


@use_case(RELEASE, AuditAction.NODE_EMPTY, lambda command, _result: command.node_id)
async def ask_empty(ctx: Context, command: EmptyNode) -> Emptied:
    """The operator's right to take back everything on a node, on record with the reason. Answers what is on it.

    Raises NotFound, ConfirmationMissing.
    """
    scope = platform_scope(ctx.actor, RELEASE)
    ctx.explain(reason=reason_of(command.reason))
    node = await inventory.get_node(ctx, command.node_id)
    if command.confirm_name is not None and command.confirm_name.strip() != node.hostname:
        raise ConfirmationMissing("Type the node's name to confirm.")
    rows = await OperatorRepository(ctx.session).list_on_node(scope, command.node_id)
    asked = tuple(Taken(allocation_id=row.id, name=row.name, outcome=_meant(row)) for row in rows)
    return Emptied(node_id=command.node_id, results=asked)


def _meant(row: Allocation) -> Literal["released", "canceled"]:
    return "canceled" if as_state(row.state) in STARTING else "released"


async def empty_node(contexts: ContextFactory, command: EmptyNode) -> Emptied:
    """Release every machine of a node, each in a transaction of its own, so that one that refuses stops no other.

    Raises Forbidden, NotFound, ConfirmationMissing.
    """
    async with contexts() as ctx:
        asked = await ask_empty(ctx, command)
    results = [await _take(contexts, item, command.reason) for item in asked.results]
    return Emptied(node_id=command.node_id, results=tuple(results))


async def _take(contexts: ContextFactory, item: Taken, reason: str) -> Taken:
    try:
        async with contexts() as ctx:
            part = str(item.allocation_id)  # a repeat goes on with those that were not taken
            if item.outcome == "canceled":
                cancel = ForceCancel(allocation_id=item.allocation_id, reason=reason)
                await force_cancel(ctx, cancel, part=part)
            else:
                release = ForceRelease(allocation_id=item.allocation_id, reason=reason)
                await force_release(ctx, release, part=part)
    except DomainError as error:
        return msgspec.structs.replace(item, outcome="refused", why=error.message)
    return item


def reason_of(text: str) -> str:
    """A reason in one line. Raises ValidationFailed."""
    return checked_text(text, wanted=f"Say why, in 3 to {LONGEST_REASON} characters")


def label_of(names: Mapping[UUID, str], row: Allocation) -> str:
    """`organisation / project`."""
    return f"{names.get(row.tenant_id, '?')} / {names.get(row.project_id, '?')}"


async def node_name(ctx: Context, node_id: UUID) -> str:
    """The node's host name. Raises NotFound, Forbidden."""
    platform_scope(ctx.actor, RELEASE)
    return (await inventory.get_node(ctx, node_id)).hostname
