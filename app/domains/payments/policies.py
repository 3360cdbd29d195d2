"""Business constants of payments. Money is in micro-units."""

from app.shared.policy import PolicyKey

CREDIT_MINIMUM = PolicyKey(
    name="payments.credit_minimum",
    default=5_000_000,
    minimum=1_000_000,
    maximum=1_000_000_000,
    unit="micro-units",
    description="The smallest amount of credit that can be bought at once.",
)
CREDIT_MAXIMUM = PolicyKey(
    name="payments.credit_maximum",
    default=10_000_000_000,
    minimum=1_000_000,
    maximum=999_999_000_000,
    unit="micro-units",
    description="The largest amount of credit that can be bought at once.",
)
SWEEP_AFTER = PolicyKey(
    name="payments.sweep_after_seconds",
    default=120,
    minimum=10,
    maximum=86_400,
    unit="s",
    description="Stripe is asked about a payment when its webhook has not arrived after this time.",
)

POLICIES = (CREDIT_MINIMUM, CREDIT_MAXIMUM, SWEEP_AFTER)
