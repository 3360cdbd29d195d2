"""What pages and the API show of machines. Reads only, and only in the actor's own project."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.billing import public as billing
from app.domains.billing.contracts import CostView, ReceiptView
from app.domains.inventory import public as inventory
from app.domains.inventory.contracts import ImageView, Offers, SkuView
from app.domains.provisioning.contracts import MachineView
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import (
    AllocationRepository,
    OperatorRepository,
    TimelineRepository,
)
from app.domains.provisioning.repository.timeline import StepView
from app.domains.provisioning.service.forecast import Forecast, LaunchAllocation, forecast
from app.domains.releases import public as releases
from app.domains.releases.contracts import KeyView
from app.shared.authz import Permission, project_scope
from app.shared.authz.scope import may
from app.shared.context import Context
from app.shared.errors import DomainError, NotFound

PAGE = 50


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One allocation with its type and its cost so far (None before anything is held for it)."""

    allocation: Allocation
    sku: SkuView
    cost: CostView | None


class MachineDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One allocation with everything its page shows."""

    machine: Machine
    image: ImageView
    steps: list[StepView]
    usual: dict[str, float]
    at: datetime
    operator_reason: str = ""  # by the operator who ended it


class LaunchChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What the launch form offers, and what the present choice would mean."""

    offers: Offers
    command: LaunchAllocation
    forecast: Forecast | None
    problem: str
    keys: list[KeyView] = []


async def page_machines(ctx: Context, before: UUID | None, limit: int = PAGE, *, live: bool = False) -> list[Machine]:
    """The project's machines, newest first, from after `before` on."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    rows = await AllocationRepository(ctx.session).page(scope, before=before, limit=limit, live=live)
    return await with_costs(ctx, rows)


async def with_costs(ctx: Context, rows: list[Allocation]) -> list[Machine]:
    """Each with its type and what it has cost so far."""
    skus = await inventory.skus(ctx, {row.sku_id for row in rows})
    costs = await billing.costs_of(ctx, [row.id for row in rows])
    return [Machine(allocation=row, sku=skus[row.sku_id], cost=costs.get(row.id)) for row in rows]


async def get_detail(ctx: Context, allocation_id: UUID) -> MachineDetail:
    """One machine with its timeline. Raises NotFound."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    allocation = await AllocationRepository(ctx.session).get_in(scope, allocation_id)
    timeline = TimelineRepository(ctx.session)
    return MachineDetail(
        machine=(await with_costs(ctx, [allocation]))[0],
        image=await inventory.image(ctx, allocation.image_code),
        steps=await timeline.steps(allocation.id),
        usual=await timeline.usual_seconds(allocation.sku_id, allocation.image_code),
        at=await ctx.now(),
        operator_reason=await _operator_reason(ctx, allocation),
    )


async def _operator_reason(ctx: Context, allocation: Allocation) -> str:
    """The reason of the operator who ended it; empty for everything else."""
    if allocation.release_reason != "operator" and not allocation.cancel_requested:
        return ""
    notes = await OperatorRepository(ctx.session).notes([allocation.id])
    return notes[allocation.id][-1].reason if notes else ""


async def get_receipt(ctx: Context, allocation_id: UUID) -> tuple[Allocation, ReceiptView]:
    """What a machine cost, hour by hour. Raises NotFound, also before anything is billed."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    allocation = await AllocationRepository(ctx.session).get_in(scope, allocation_id)
    receipt = await billing.receipt(ctx, allocation.id)
    if receipt is None:
        raise NotFound()
    return allocation, receipt


async def launch_choices(ctx: Context, command: LaunchAllocation) -> LaunchChoices:
    """Everything on offer; without a choice the first type. A choice that is not possible is explained, not raised."""
    offers = await inventory.list_offers(ctx)
    if not command.sku_code and offers.items:
        command = msgspec.structs.replace(command, sku_code=offers.items[0].sku.code)
    if not command.image_code and offers.images:
        command = msgspec.structs.replace(command, image_code=offers.images[0].code)
    shown, problem = None, ""
    try:
        shown = await forecast(ctx, command, offers) if offers.items and offers.images else None
    except DomainError as error:  # a choice that cannot be is no error of the page
        fields = error.details.get("fields")
        problem = " ".join(fields.values()) if isinstance(fields, dict) else error.message
    keys = await releases.list_keys(ctx) if may(ctx.actor, Permission.SSH_KEY_MANAGE) else []
    return LaunchChoices(offers=offers, command=command, forecast=shown, problem=problem, keys=keys)


async def page_live(ctx: Context) -> list[Allocation]:
    """The project's machines that have not ended, the newest first; two hundred at most."""
    scope = project_scope(ctx.actor, Permission.ALLOCATION_READ)
    return await AllocationRepository(ctx.session).page(scope, before=None, limit=200, live=True)


# -- for other domains -------------------------------------------------------------------------------------------------


async def access_endings(ctx: Context, allocation_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Which of these allocations can no longer be logged in to, and why (customer | exhausted | operator | gone)."""
    wanted = set(allocation_ids)
    endings = dict.fromkeys(wanted, "gone")
    for row in await AllocationRepository(ctx.session).list_by_ids(list(wanted)):
        if row.state == "active":
            del endings[row.id]
        else:
            endings[row.id] = row.release_reason or "gone"
    return endings


async def machines_by_id(ctx: Context, allocation_ids: Iterable[UUID]) -> dict[UUID, MachineView]:
    """Names and states by id, of any tenant: the caller has checked the permission."""
    rows = await AllocationRepository(ctx.session).list_by_ids(list(allocation_ids))
    return {row.id: machine_view(row) for row in rows}


def machine_view(row: Allocation) -> MachineView:
    """What other domains get."""
    return msgspec.convert(row, MachineView, from_attributes=True)
