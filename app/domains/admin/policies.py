"""Policy keys of the operator's console. Money is in micro-units."""

from app.shared.policy import PolicyKey

ALONE_MAXIMUM = PolicyKey(
    name="admin.refund_alone_maximum",
    default=50_000_000,
    minimum=0,
    maximum=10_000_000_000,
    unit="micro-units",
    guard="up",
    description="Up to this sum one person may refund or correct credit alone within the window; above it a second one "
    "approves. It is counted for the person, for the organisation and for the payment.",
)
ALONE_WINDOW = PolicyKey(
    name="admin.alone_window_hours",
    default=24,
    minimum=24,
    maximum=8_760,
    unit="h",
    guard="down",
    description="The window over which the sum of what one operator gives alone is counted.",
)
CORRECTION_MAXIMUM = PolicyKey(
    name="admin.correction_maximum",
    default=100_000_000_000,
    minimum=10_000,
    maximum=1_000_000_000_000,
    unit="micro-units",
    guard="up",
    description="The largest single correction of credit, whoever approves it.",
)
REQUEST_DAYS = PolicyKey(
    name="admin.change_request_days",
    default=14,
    minimum=1,
    maximum=90,
    unit="days",
    guard="up",
    description="How long a change request may wait for a second person; an older one has to be requested again.",
)

POLICIES = (ALONE_MAXIMUM, ALONE_WINDOW, CORRECTION_MAXIMUM, REQUEST_DAYS)
