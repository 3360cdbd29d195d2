"""How long certificates live."""

from app.shared.policy.keys import PolicyKey

CERTIFICATE_MINUTES = PolicyKey(
    name="releases.certificate_minutes",
    default=5,
    minimum=1,
    maximum=60,
    unit="minutes",
    description="How long a certificate opens a machine. A session that is open by then stays open.",
)
POLICIES = (CERTIFICATE_MINUTES,)
