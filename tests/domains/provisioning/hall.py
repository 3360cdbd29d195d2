"""Machines of customers on nodes, as rows: for tests of what operators see and do, without a provisioner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from app.domains.auth.service.session_cache import forget_sessions
from app.domains.billing import public as billing
from app.domains.billing.contracts import PlaceHold, StartMetering
from app.domains.inventory import public as inventory
from app.domains.provisioning.contracts import AllocationId
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.repository.allocations import NewAllocation
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import ProjectId, TenantId, UserId, new_id
from app.shared.money import Micro, RateMicroPerHour
from tests.fixtures.app import Browser
from tests.fixtures.catalog import sku_of_code

RATE = 4_800_000


async def machine(
    runtime: Runtime,
    who: Browser,
    node_id: UUID | None,
    *,
    slots: Sequence[int] | None = None,
    sku: str = "l40sx4",
    state: str = "active",
    name: str = "train-07",
    metered: bool = False,
) -> UUID:
    """An allocation of that person in that state; on a node it holds these slots. With `metered` it is paid for: give
    credit first."""
    tenant, project, user = who.actor.tenant_id, who.actor.project_id, who.actor.id
    assert tenant is not None and project is not None and user is not None
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        kind = await sku_of_code(ctx, sku)
        new = NewAllocation(
            id=AllocationId(new_id()), tenant_id=TenantId(tenant), project_id=ProjectId(project), user_id=UserId(user),
            name=name, sku_id=kind.id, sku_code=sku, gpus=len(slots or ()),
            slots=None if slots is None else len(slots), image_code="ubuntu/noble", currency="USD", rate_micro=RATE,
            price_version_id=uuid4(), hold_micro=0, login=name[:8], uid=30_000, gecos="",
            correlation_id="test",
        )  # fmt: skip
        allocations = AllocationRepository(ctx.session)
        allocation = await allocations.append(new, now)
        active_at = now if state == "active" else None
        await allocations.change(allocation, now, state=state, node_id=node_id, attempt=1, active_at=active_at)
        if node_id is not None:
            detail = await inventory.get_node(ctx, node_id)
            wanted = range(len(detail.slots)) if slots is None else slots
            await inventory.claim_slots(ctx, node_id, wanted, allocation.id)
            if slots is not None:
                await inventory.mark_shared(ctx, node_id, (await inventory.image(ctx)).id)
            await inventory.observe_node(ctx, node_id, "deployed", "10.0.0.9")
        if metered:
            await _meter(ctx, allocation)
    return allocation.id


async def _meter(ctx: Any, allocation: Allocation) -> None:
    rate = RateMicroPerHour(RATE)
    await billing.place_hold(
        ctx,
        PlaceHold(
            tenant_id=allocation.tenant_id, project_id=allocation.project_id, allocation_id=allocation.id,
            amount=Micro(2 * RATE), label=allocation.name,
        ),
    )  # fmt: skip
    await billing.start_metering(
        ctx,
        StartMetering(
            tenant_id=allocation.tenant_id, project_id=allocation.project_id, allocation_id=allocation.id,
            sku_id=allocation.sku_id, price_version_id=allocation.price_version_id, rate=rate, at=await ctx.now(),
        ),
    )  # fmt: skip


async def age(runtime: Runtime, allocation_id: UUID, by: timedelta) -> None:
    """It has been in its state for that long."""
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(
            text("UPDATE provisioning.allocations SET state_changed_at = state_changed_at - :by WHERE id = :id"),
            {"by": by, "id": allocation_id},
        )


async def operator_of(runtime: Runtime, sign_in_as: Any, role: str) -> Browser:
    """Somebody with exactly that role of the platform."""
    person: Browser = await sign_in_as("olga", operator=True)
    async with runtime.context(SYSTEM) as ctx:
        await ctx.session.execute(
            text("UPDATE auth.memberships SET role = :role WHERE user_id = :id AND tenant_id IS NULL"),
            {"role": role, "id": person.actor.id},
        )
        await forget_sessions(ctx, person.actor.id)
    return person
