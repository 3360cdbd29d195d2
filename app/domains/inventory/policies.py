"""Policy keys of the inventory. Times are in seconds unless the unit says otherwise."""

from app.shared.policy.keys import PolicyKey


def _age(name: str, default: int, description: str) -> PolicyKey[int]:
    return PolicyKey(name=name, default=default, minimum=0, maximum=31_536_000, unit="s", description=description)


SLA_QUARANTINED = _age(
    "inventory.sla_quarantined_seconds", 14_400, "How long a node may wait in quarantine before it counts as stuck."
)
SLA_MISSING = _age(
    "inventory.sla_missing_seconds", 900, "How long MAAS may not show a node before the node counts as stuck."
)
SLA_MAINTENANCE = _age(
    "inventory.sla_maintenance_seconds", 86_400, "How long a node may be in maintenance before it counts as stuck."
)
SLA_CORDONED = _age(
    "inventory.sla_cordoned_seconds",
    86_400,
    "How long a node may be cordoned, or drained without a deadline, before it counts as stuck.",
)
PRICE_NOTICE_HOURS = PolicyKey(
    name="inventory.price_notice_hours",
    default=168,
    minimum=0,
    maximum=8_760,
    unit="h",
    guard="down",
    description="How long before it begins a higher price has to be announced. A lower one may begin at once.",
)

PRICE_MINIMUM = PolicyKey(
    name="inventory.price_minimum",
    default=50_000,
    minimum=10_000,
    maximum=1_000_000_000,
    unit="micro-units",
    guard="down",
    description="No price of a machine or a GPU is below this, per hour.",
)
PRICE_MAXIMUM = PolicyKey(
    name="inventory.price_maximum",
    default=1_000_000_000,
    minimum=10_000,
    maximum=10_000_000_000,
    unit="micro-units",
    guard="up",
    description="No price of a machine or a GPU is above this, per hour.",
)
PRICE_DROP_PERCENT = PolicyKey(
    name="inventory.price_drop_percent",
    default=50,
    minimum=0,
    maximum=99,
    unit="%",
    guard="up",
    description="How far below the last price one person may set a new one; further down a second one approves.",
)
PRICE_RISE_PERCENT = PolicyKey(
    name="inventory.price_rise_percent",
    default=100,
    minimum=0,
    maximum=1_000,
    unit="%",
    guard="up",
    description="How far above the last price one person may set a new one; further up a second one approves.",
)
PRICE_WINDOW_HOURS = PolicyKey(
    name="inventory.price_window_hours",
    default=168,
    minimum=24,
    maximum=8_760,
    unit="h",
    guard="down",
    description="Steps of one person within this time are one step: each is measured by the price before all of them.",
)
PRICE_UNDO_HOURS = PolicyKey(
    name="inventory.price_undo_hours",
    default=168,
    minimum=1,
    maximum=720,
    unit="h",
    guard="up",
    description="How long after a price began one may go back to the one before it at once, without notice.",
)

POLICIES = (
    SLA_QUARANTINED,
    SLA_MISSING,
    SLA_MAINTENANCE,
    SLA_CORDONED,
    PRICE_NOTICE_HOURS,
    PRICE_MINIMUM,
    PRICE_MAXIMUM,
    PRICE_DROP_PERCENT,
    PRICE_RISE_PERCENT,
    PRICE_WINDOW_HOURS,
    PRICE_UNDO_HOURS,
)
