"""What other domains may ask of the inventory. All of it runs in the caller's Context, so in the caller's transaction.

Lock order: tenant account, allocation, node, slots. Everything here that changes a node takes the node's row first.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from app.domains.inventory.contracts import (
    Availability,
    FleetNode,
    FreedNode,
    ImageView,
    NodeDetail,
    NodeId,
    NodeView,
    PriceView,
    SkuView,
    StuckNode,
)
from app.domains.inventory.service import catalog, fleet, nodes, prices, slots
from app.domains.inventory.service import images as image_service
from app.shared.context import Context


async def get_sku(ctx: Context, sku_id: UUID) -> SkuView:
    """A type by its id, retired ones too. Raises NotFound."""
    return await catalog.get_sku(ctx, sku_id)


async def find_sku_by_code(ctx: Context, code: str) -> SkuView | None:
    """A type by its code; None when there is none or it is retired."""
    return await catalog.find_sku_by_code(ctx, code)


async def skus(ctx: Context, sku_ids: Iterable[UUID]) -> dict[UUID, SkuView]:
    """Types by id, retired ones too; unknown ids are absent."""
    return await catalog.skus(ctx, sku_ids)


async def list_skus(ctx: Context) -> list[SkuView]:
    """Every type on sale, dearest first."""
    return await catalog.list_skus(ctx)


async def price_at(ctx: Context, sku_id: UUID, at: datetime, currency: str = "USD") -> PriceView:
    """The price in force at `at`. Raises PriceMissing."""
    return await prices.price_at(ctx, sku_id, at, currency)


async def rates_for(
    ctx: Context, sku_ids: Iterable[UUID], at: datetime, currency: str = "USD"
) -> dict[UUID, PriceView]:
    """The prices in force at `at`, in one statement; a type without one is absent."""
    return await prices.rates_for(ctx, sku_ids, at, currency)


async def lock_candidates(
    ctx: Context, sku_id: UUID, slots_wanted: int | None = None, image: str | None = None
) -> list[NodeView]:
    """Lock the nodes of a type that could take `slots_wanted` slots (None: the whole machine), in the order of their
    ids, until the end of the transaction; then read what is free of them. What does not fit is neither locked nor
    given, so launches that cannot meet do not wait for one another. Nothing is skipped: a locked node is waited for,
    because it may be the best one. With `image` (a code), shared nodes that run another one are left out."""
    return await slots.lock_candidates(ctx, sku_id, slots_wanted, image)


async def list_candidates(
    ctx: Context, sku_id: UUID, slots_wanted: int | None = None, image: str | None = None
) -> list[NodeView]:
    """The same nodes without a lock, for a forecast (`dry_run`, the launch form)."""
    return await slots.list_candidates(ctx, sku_id, slots_wanted, image)


async def claim_slots(ctx: Context, node_id: UUID, slot_indexes: Iterable[int], allocation_id: UUID) -> None:
    """Give slots to an allocation. Safe to repeat. Raises SlotTaken when one of them is not free, NodeNotInService
    when the node is not ready or cordoned, NotFound for an unknown node."""
    await slots.claim_slots(ctx, node_id, slot_indexes, allocation_id)


async def free_slots(ctx: Context, allocation_id: UUID) -> list[FreedNode]:
    """Take back every slot of an allocation. Safe to repeat: who holds nothing gets an empty list."""
    return await slots.free_slots(ctx, allocation_id)


async def slots_of(ctx: Context, allocation_id: UUID) -> tuple[int, ...]:
    """The slots an allocation has now, in order; empty when it has none. This is the only answer to who has what."""
    return await slots.slots_of(ctx, allocation_id)


async def mark_shared(ctx: Context, node_id: UUID, image_id: UUID | None) -> None:
    """The node is deployed with this image and its slots are sold one by one; None: it is that no more (call it when
    MAAS has released the node, after the last slot was freed). Raises NotFound."""
    await nodes.mark_shared(ctx, node_id, image_id)


async def observe_node(ctx: Context, node_id: UUID, maas_state: str, address: str | None = None) -> None:
    """What you just saw of the machine in MAAS (a word of `maas` NodeState). Call it after a deploy and after a
    release: a node that MAAS does not show as `ready` gets no whole-machine tenant before the next import."""
    await nodes.observe_node(ctx, node_id, maas_state, address)


async def quarantine(ctx: Context, node_id: UUID, reason: str) -> None:
    """Take a node out of service until a person has looked. `reason` is plain text for operators, without secrets.
    Safe to repeat. Raises NotFound."""
    await nodes.quarantine(ctx, node_id, reason)


async def get_node(ctx: Context, node_id: UUID) -> NodeDetail:
    """Everything about one node. Raises NotFound."""
    return await nodes.get_node(ctx, node_id)


async def node_by_system_id(ctx: Context, system_id: str) -> NodeId:
    """The node that MAAS calls so. Raises NotFound."""
    return await nodes.node_by_system_id(ctx, system_id)


async def node_names(ctx: Context, node_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Host names by id."""
    return await nodes.node_names(ctx, node_ids)


async def image(ctx: Context, code: str | None = None) -> ImageView:
    """An image by its code; the default one without. Raises NotFound."""
    return await image_service.image(ctx, code)


async def find_image(ctx: Context, code: str) -> ImageView | None:
    """An image by its code, the default one for an empty code; None when there is none."""
    return await image_service.find_image(ctx, code)


async def images(ctx: Context) -> list[ImageView]:
    """Every image on offer, the default first."""
    return await image_service.images(ctx)


async def record_image_warm(ctx: Context, node_id: UUID, image_id: UUID) -> None:
    """The node has just deployed this image, so the next deployment of it is faster there."""
    await image_service.record_image_warm(ctx, node_id, image_id)


async def availability(ctx: Context) -> dict[UUID, Availability]:
    """What could be placed now, by type; a type without nodes is absent."""
    return await slots.availability(ctx)


async def fleet_nodes(ctx: Context) -> list[FleetNode]:
    """Every node that is not retired, by type, zone and host name, with who holds its slots. For operators: raises
    Forbidden."""
    return await fleet.fleet_nodes(ctx)


async def stuck_nodes(ctx: Context, fleet_now: Sequence[FleetNode]) -> list[StuckNode]:
    """Of these nodes those that have been out of service for longer than policy allows."""
    return await fleet.stuck_nodes(ctx, fleet_now)
