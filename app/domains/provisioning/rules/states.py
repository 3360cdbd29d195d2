"""The state machine of an allocation. Pure; every transition in the product goes through `move`."""

from collections.abc import Mapping
from typing import Literal, get_args

from app.domains.provisioning.errors import IllegalTransition

State = Literal[
    "requested",
    "placing",
    "provisioning",
    "configuring",
    "active",
    "releasing",
    "release_failed",
    "released",
    "failed",
    "canceled",
]
STATES: tuple[State, ...] = get_args(State)

# From `provisioning` and `configuring` back to `placing`: the machine was bad, another one is tried.
TRANSITIONS: dict[State, frozenset[State]] = {
    "requested": frozenset({"placing", "failed", "canceled"}),
    "placing": frozenset({"provisioning", "failed", "canceled"}),
    "provisioning": frozenset({"configuring", "placing", "failed", "canceled"}),
    "configuring": frozenset({"active", "placing", "failed", "canceled"}),
    "active": frozenset({"releasing"}),
    "releasing": frozenset({"released", "release_failed"}),
    "release_failed": frozenset({"releasing"}),
    "released": frozenset(),
    "failed": frozenset(),
    "canceled": frozenset(),
}
ENDED: frozenset[State] = frozenset(state for state, following in TRANSITIONS.items() if not following)
STARTING: frozenset[State] = frozenset({"requested", "placing", "provisioning", "configuring"})
ENDING: frozenset[State] = frozenset({"releasing", "release_failed"})


# What people read of a state, on pages, in the terminal and in mails: the API's word, with a capital letter.
LABELS: Mapping[State, str] = {state: state.replace("_", " ").capitalize() for state in STATES}
CANCELING = "Canceling"  # a launch that was canceled and has not ended


def state_label(state: str, *, cancel_requested: bool = False) -> str:
    """The label of an allocation's state. Raises ValueError for an unknown state."""
    known = as_state(state)
    return CANCELING if cancel_requested and known in STARTING else LABELS[known]


def as_state(text: str) -> State:
    """The text of a row as a state; raises ValueError for anything else."""
    for state in STATES:
        if state == text:
            return state
    raise ValueError(f"{text} is no state of an allocation")


def move(state: State, to: State) -> State:
    """`to` when it may follow `state`; raises IllegalTransition otherwise."""
    if to not in TRANSITIONS[state]:
        raise IllegalTransition(state=state, wanted=to)
    return to
