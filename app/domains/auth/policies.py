"""How long sessions and tokens live."""

from app.shared.policy.keys import PolicyKey

SESSION_HOURS = PolicyKey(
    name="auth.session_hours",
    default=12,
    minimum=1,
    maximum=720,
    unit="hours",
    description="How long a browser session lasts before signing in again.",
)
TOKEN_SECONDS = PolicyKey(
    name="auth.token_seconds",
    default=3600,
    minimum=60,
    maximum=86_400,
    unit="seconds",
    description="How long an API token of a service account is valid.",
)
POLICIES = (SESSION_HOURS, TOKEN_SECONDS)
