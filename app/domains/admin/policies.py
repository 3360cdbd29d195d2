"""Business constants of the operator's console. Money is in micro-units."""

from app.shared.policy import PolicyKey

ALONE_MAXIMUM = PolicyKey(
    name="admin.refund_alone_maximum",
    default=50_000_000,
    minimum=0,
    maximum=10_000_000_000,
    unit="micro-units",
    description="Up to this amount one person may refund or correct credit alone; above it a second one approves.",
)

POLICIES = (ALONE_MAXIMUM,)
