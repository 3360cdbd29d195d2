"""Business constants of provisioning. Times are in seconds."""

from app.shared.policy.keys import PolicyKey


def _seconds(name: str, default: int, minimum: int, maximum: int, description: str) -> PolicyKey[int]:
    return PolicyKey(name=name, default=default, minimum=minimum, maximum=maximum, unit="s", description=description)


MAX_ALLOCATIONS = PolicyKey(
    name="provisioning.max_allocations",
    default=20,
    minimum=0,
    maximum=10_000,
    unit="machines",
    description="How many machines a project may have at once, those starting or being released included.",
)
MAX_GPUS = PolicyKey(
    name="provisioning.max_gpus",
    default=64,
    minimum=0,
    maximum=100_000,
    unit="GPUs",
    description="How many GPUs a project may have at once.",
)
SHARE_ACROSS_TENANTS = PolicyKey(
    name="provisioning.share_across_tenants",
    default=False,
    guard="up",
    description="Whether slices of one machine may go to different organisations. A slice is an account and its "
    "GPUs: processor, memory, disk and the kernel itself are shared.",
)
PLACEMENT_ATTEMPTS = PolicyKey(
    name="provisioning.place_attempts",
    default=3,
    minimum=1,
    maximum=10,
    unit="machines",
    description="How many machines are tried, one after the other, before a launch fails.",
)
PLACEMENT_SECONDS = _seconds("provisioning.place_seconds", 60, 5, 3_600, "How long choosing a machine may take.")
DEPLOY_SECONDS = _seconds(
    "provisioning.deploy_seconds", 2_700, 5, 14_400, "How long installing may take before another machine is tried."
)
ANSWER_SECONDS = _seconds(
    "provisioning.answer_seconds", 300, 2, 3_600, "How long a freshly installed machine may take to answer by SSH."
)
RETURN_SECONDS = _seconds(
    "provisioning.return_seconds", 3_600, 5, 172_800, "How long erasing may take before the machine is held for us."
)
CLOSE_SECONDS = _seconds(
    "provisioning.close_seconds", 20, 1, 600, "How long we try to end access on a machine before we go on without it."
)
POLL_MILLISECONDS = PolicyKey(
    name="provisioning.poll_milliseconds",
    default=1_000,
    minimum=50,
    maximum=60_000,
    unit="ms",
    description="How often we ask how far a machine is.",
)
RELEASE_RETRY_SECONDS = _seconds(
    "provisioning.release_retry_seconds", 60, 1, 3_600, "The first pause after a failed release; it doubles each time."
)
SLA_REQUESTED = _seconds(
    "provisioning.sla_requested_seconds", 120, 0, 86_400, "How long a launch may wait for its workflow."
)
SLA_PLACING = _seconds(
    "provisioning.sla_placing_seconds",
    300,
    0,
    86_400,
    "How long choosing a machine may take before it is stuck.",
)
SLA_PROVISIONING = _seconds(
    "provisioning.sla_deploy_seconds",
    2_700,
    0,
    86_400,
    "How long installing may take before it counts as stuck. Where a type has runs, three times their median counts "
    "when that is less.",
)
SLA_CONFIGURING = _seconds(
    "provisioning.sla_configuring_seconds", 600, 0, 86_400, "How long the proof of a machine may take, as above."
)
SLA_RELEASING = _seconds(
    "provisioning.sla_releasing_seconds", 3_600, 0, 172_800, "How long giving a machine back may take, as above."
)
SLA_RELEASE_FAILED = _seconds(
    "provisioning.sla_retry_seconds",
    600,
    0,
    86_400,
    "How long a machine that did not come back may wait for the next try before it counts as stuck.",
)
SLA_FACTOR = PolicyKey(
    name="provisioning.sla_factor",
    default=3,
    minimum=1,
    maximum=100,
    unit="times",
    description="How many times the median of a type's last 20 runs a state may last.",
)
SLA_MINIMUM_SECONDS = _seconds("provisioning.sla_least_seconds", 60, 0, 86_400, "No learned time is shorter than this.")

POLICIES = (
    MAX_ALLOCATIONS,
    MAX_GPUS,
    SHARE_ACROSS_TENANTS,
    PLACEMENT_ATTEMPTS,
    PLACEMENT_SECONDS,
    DEPLOY_SECONDS,
    ANSWER_SECONDS,
    RETURN_SECONDS,
    CLOSE_SECONDS,
    POLL_MILLISECONDS,
    RELEASE_RETRY_SECONDS,
    SLA_REQUESTED,
    SLA_PLACING,
    SLA_PROVISIONING,
    SLA_CONFIGURING,
    SLA_RELEASING,
    SLA_RELEASE_FAILED,
    SLA_FACTOR,
    SLA_MINIMUM_SECONDS,
)
