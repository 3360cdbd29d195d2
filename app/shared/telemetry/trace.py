"""Correlation: one id from the browser's click through events, jobs and workflows back to the page."""

import re
import secrets

import msgspec

SAFE = re.compile(r"^[A-Za-z0-9._-]{8,64}$")


class Trace(msgspec.Struct, frozen=True):
    """`correlation_id` names the whole story, `causation_id` the message that led here."""

    correlation_id: str
    causation_id: str | None = None


def new_trace(candidate: str | None = None) -> Trace:
    """Continue `candidate` when it looks like an id, else begin a new story."""
    if candidate and SAFE.match(candidate):
        return Trace(candidate)
    return Trace(secrets.token_hex(12))
