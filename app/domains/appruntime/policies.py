"""Business constants of apps."""

from app.shared.policy.keys import PolicyKey

MAX_APPS = PolicyKey(
    name="appruntime.max_apps",
    default=50,
    minimum=0,
    maximum=10_000,
    unit="apps",
    description="How many apps a project may have at once, stopped ones included.",
)
START_SECONDS = PolicyKey(
    name="appruntime.start_seconds",
    default=1_200,
    minimum=10,
    maximum=14_400,
    unit="s",
    description="How long an app may take to install and answer before the launch fails.",
)
MAX_CONNECTIONS = PolicyKey(
    name="appruntime.max_connections",
    default=100,
    minimum=4,
    maximum=10_000,
    unit="connections",
    description="How many connections the proxy holds open to one app at once, in each web process.",
)
SESSION_HOURS = PolicyKey(
    name="appruntime.session_hours",
    default=12,
    minimum=1,
    maximum=168,
    unit="h",
    description="How long a browser may use an app before it is sent through the portal again. It never outlives the "
    "sign-in it belongs to.",
)
POLICIES = (MAX_APPS, START_SECONDS, MAX_CONNECTIONS, SESSION_HOURS)
