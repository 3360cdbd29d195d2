"""The life of an app: which state may follow which, and which action which state allows. Pure."""

from typing import Literal, get_args

from app.domains.appruntime.contracts import Action
from app.domains.appruntime.errors import AppActionRefused, IllegalMove

State = Literal["requested", "installing", "starting", "running", "stopping", "stopped", "failed", "released"]
STATES: tuple[State, ...] = get_args(State)
Wanted = Literal["running", "stopped", "released"]

# `released` may follow everything: a machine that goes takes its apps along.
TRANSITIONS: dict[State, frozenset[State]] = {
    "requested": frozenset({"installing", "starting", "stopping", "failed", "released"}),
    "installing": frozenset({"starting", "stopping", "failed", "released"}),
    "starting": frozenset({"running", "stopping", "failed", "released"}),
    "running": frozenset({"stopping", "stopped", "failed", "released"}),
    "stopping": frozenset({"stopped", "failed", "released"}),
    "stopped": frozenset({"requested", "released"}),
    "failed": frozenset({"requested", "released"}),
    "released": frozenset(),
}
COMING: frozenset[State] = frozenset({"requested", "installing", "starting"})
UP: frozenset[State] = COMING | {"running"}
DOWN: frozenset[State] = frozenset({"stopped", "failed"})

ALLOWED: dict[Action, frozenset[State]] = {
    "stop": UP | {"stopping"},
    "start": DOWN,
    "restart": frozenset({"running", "stopped", "failed"}),
    "release": UP | DOWN | {"stopping"},
}
WANTED: dict[Action, Wanted] = {"stop": "stopped", "start": "running", "restart": "running", "release": "released"}


def as_state(text: str) -> State:
    """The text of a row as a state; raises ValueError for anything else."""
    for state in STATES:
        if state == text:
            return state
    raise ValueError(f"{text} is no state of an app")


def move(state: State, to: State) -> State:
    """`to` when it may follow `state`; raises IllegalMove otherwise."""
    if to not in TRANSITIONS[state]:
        raise IllegalMove(state=state, wanted=to)
    return to


def begin(state: State, action: Action) -> State:
    """The state in which an accepted action begins. Raises AppActionRefused."""
    if state not in ALLOWED[action]:
        raise AppActionRefused(state=state, action=action)
    if state in DOWN:
        return move(state, "released" if action == "release" else "requested")
    return state if state == "stopping" else move(state, "stopping")


def after_stop(wanted: Wanted) -> tuple[State, ...]:
    """What follows `stopping` once nothing runs any more, in order."""
    ends: dict[Wanted, tuple[State, ...]] = {
        "stopped": ("stopped",),
        "running": ("stopped", "requested"),
        "released": ("stopped", "released"),
    }
    return ends[wanted]
