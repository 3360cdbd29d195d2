"""The public API of the inventory for other domains. All of it runs in the caller's Context, so in the caller's
transaction.

Lock order: tenant account, allocation, node, slots. Everything here that changes a node locks the node's row first.
"""

from app.domains.inventory.service.catalog import get_sku, launch_terms, skus
from app.domains.inventory.service.fleet import fleet_nodes, stuck_nodes
from app.domains.inventory.service.images import image, record_image_warm
from app.domains.inventory.service.nodes import (
    get_node,
    mark_shared,
    node_by_system_id,
    node_names,
    observe_node,
    quarantine,
)
from app.domains.inventory.service.offers import list_offers
from app.domains.inventory.service.prices import price_at
from app.domains.inventory.service.slots import (
    availability,
    claim_slots,
    count_warm,
    free_shapes,
    free_slots,
    lock_free_node,
    slots_of,
)

__all__ = [
    "availability",
    "claim_slots",
    "count_warm",
    "fleet_nodes",
    "free_shapes",
    "free_slots",
    "get_node",
    "get_sku",
    "image",
    "launch_terms",
    "list_offers",
    "lock_free_node",
    "mark_shared",
    "node_by_system_id",
    "node_names",
    "observe_node",
    "price_at",
    "quarantine",
    "record_image_warm",
    "skus",
    "slots_of",
    "stuck_nodes",
]
