"""Pure decisions about time limits: how long a state may last, and what happens automatically meanwhile."""

from collections.abc import Mapping

import msgspec

from app.domains.provisioning.rules.states import State

# Which steps of the timeline a state consists of; where a type has runs, their medians are its usual time.
STEPS_OF: Mapping[State, tuple[str, ...]] = {
    "placing": ("place",),
    "provisioning": ("deploy",),
    "configuring": ("configure", "probe", "activate"),
    "releasing": ("close", "erase"),
}
AUTOMATIC: Mapping[str, str] = {
    "requested": "Its workflow is asked for again after 5 minutes, and every minute after that.",
    "placing": "Tried again until its time is over; then the launch fails and nothing is charged.",
    "provisioning": "When its time is over the machine is quarantined and another one is tried.",
    "configuring": "A machine that does not answer is quarantined and another one is tried.",
    "releasing": "MAAS is asked until the machine is back. Nothing is charged meanwhile.",
    "release_failed": "Tried again with growing pauses. Nothing is charged, and the node is quarantined.",
}


class Sla(msgspec.Struct, frozen=True):
    """How long a state may last. `learned`: from the type's own runs, not from policy."""

    seconds: int
    learned: bool


def sla_of(state: State, policy: int, usual: Mapping[str, float], factor: int, minimum: int) -> Sla:
    """`factor` times what the steps of the state usually take, at least `least` and never more than policy allows;
    without runs of all of its steps, policy."""
    steps = STEPS_OF.get(state, ())
    if not steps or any(step not in usual for step in steps):
        return Sla(policy, learned=False)
    wanted = max(minimum, round(sum(usual[step] for step in steps) * factor))
    return Sla(wanted, learned=True) if wanted < policy else Sla(policy, learned=False)
