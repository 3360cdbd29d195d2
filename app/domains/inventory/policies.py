"""Business constants of the inventory. Times are in seconds unless the unit says otherwise."""

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

POLICIES = (SLA_QUARANTINED, SLA_MISSING, SLA_MAINTENANCE, SLA_CORDONED, PRICE_NOTICE_HOURS)
