"""Following something that goes on: through cut connections and a server that is started anew, until Ctrl-C.

A question that says where it goes on from may be asked again: nothing is lost, nothing comes twice. What the question
itself is refused for (no sign-in, no right, not there) ends the following.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from app.cli.client import output
from app.cli.client.connection import NotReached
from app.cli.client.exits import ApiError, Exit, Failure

LONGEST_PAUSE = 30.0
T = TypeVar("T")


def steadily(ask: Callable[[], T]) -> T:
    """The answer, however long it takes to get one; says once on standard error that it waits."""
    pause, reported = 1.0, False
    while True:
        try:
            found = ask()
        except Failure as failure:
            if not passes(failure):
                raise
            if not reported:
                output.say(f"berth: {failure.message} Trying on until Ctrl-C.", err=True)
            reported = True
            time.sleep(max(pause, failure.pause))
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        if reported:
            output.say("berth: It answers again.", err=True)
        return found


def passes(failure: Failure) -> bool:
    """Whether asking again may help: the server or the way to it is at fault, not the question."""
    if isinstance(failure, NotReached):
        return failure.again
    if failure.code == "foreign_answer":  # something in front of a server that is being started answers for it
        return True
    if isinstance(failure, ApiError) and failure.status is not None and failure.status >= 500:
        return True
    return failure.exit_code in (Exit.UNAVAILABLE, Exit.RATE_LIMITED)
