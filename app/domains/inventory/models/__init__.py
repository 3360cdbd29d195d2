"""The tables of inventory: `catalog`; `nodes`."""

from app.domains.inventory.models.catalog import OsImage, PriceWithdrawal, Sku, SkuPrice
from app.domains.inventory.models.nodes import (
    FreeCapacity,
    MaintenanceWindow,
    Node,
    NodeHistoryEntry,
    NodeImageCache,
    NodeResourceSlot,
    PowerRequest,
)

__all__ = [
    "FreeCapacity",
    "MaintenanceWindow",
    "Node",
    "NodeHistoryEntry",
    "NodeImageCache",
    "NodeResourceSlot",
    "OsImage",
    "PowerRequest",
    "PriceWithdrawal",
    "Sku",
    "SkuPrice",
]
