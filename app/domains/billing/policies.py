"""Business constants of billing. Money is in micro-units, time in seconds."""

from app.shared.policy.keys import PolicyKey

HOLD_SECONDS = PolicyKey(
    name="billing.hold_seconds",
    default=7_200,
    minimum=0,
    maximum=604_800,
    unit="s",
    description="A launch holds this many seconds of its price. The hold pays when promotions and credit are used up.",
)
HOLD_MINIMUM = PolicyKey(
    name="billing.hold_minimum",
    default=1_000_000,
    minimum=0,
    maximum=10_000_000_000,
    unit="micro-units",
    description="The smallest hold of a launch.",
)
ACCRUAL_SECONDS = PolicyKey(
    name="billing.accrual_seconds",
    default=10,
    minimum=1,
    maximum=3_600,
    unit="s",
    guard="up",
    description="Usage is posted in intervals of at least this length. More than 10 s makes a smaller ledger and a "
    "coarser balance; totals do not depend on it.",
)
RUNWAY_NOTICE = PolicyKey(
    name="billing.runway_notice_seconds",
    default=86_400,
    minimum=0,
    maximum=2_592_000,
    unit="s",
    description="First notice when the credit lasts no longer than this.",
)
RUNWAY_WARNING = PolicyKey(
    name="billing.runway_warning_seconds",
    default=14_400,
    minimum=0,
    maximum=2_592_000,
    unit="s",
    description="Warning when the credit lasts no longer than this.",
)
RUNWAY_CRITICAL = PolicyKey(
    name="billing.runway_critical_seconds",
    default=1_800,
    minimum=0,
    maximum=2_592_000,
    unit="s",
    description="Last warning when the credit lasts no longer than this.",
)
RELEASE_MARGIN = PolicyKey(
    name="billing.release_margin_seconds",
    default=60,
    minimum=10,
    maximum=86_400,
    unit="s",
    guard="down",
    description="Machines are released when the credit lasts no longer than this.",
)
CHECKPOINT_ENTRIES = PolicyKey(
    name="billing.checkpoint_entries",
    default=500,
    minimum=1,
    maximum=100_000,
    unit="entries",
    description="An account gets a checkpoint after this many entries since the last one.",
)

POLICIES = (
    HOLD_SECONDS,
    HOLD_MINIMUM,
    ACCRUAL_SECONDS,
    RUNWAY_NOTICE,
    RUNWAY_WARNING,
    RUNWAY_CRITICAL,
    RELEASE_MARGIN,
    CHECKPOINT_ENTRIES,
)
