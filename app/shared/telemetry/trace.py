"""Correlation: one id from the browser's click through events, jobs and workflows back to the page. It is the trace id
of W3C Trace Context (https://www.w3.org/TR/trace-context), so that logs, audit and spans name a story alike."""

import hashlib
import re
import secrets

import msgspec

SAFE = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
TRACEPARENT = re.compile(r"00-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-[0-9a-f]{2}")


class Trace(msgspec.Struct, frozen=True):
    """`correlation_id` names the whole story, `causation_id` the message that led here, `parent_id` the span of
    another service that did."""

    correlation_id: str
    causation_id: str | None = None
    parent_id: str | None = None


def new_trace(candidate: str | None = None, traceparent: str | None = None) -> Trace:
    """Continue `candidate` when it looks like an id, else what a `traceparent` names, else begin a new story."""
    if candidate and SAFE.match(candidate):
        return Trace(candidate)
    if found := TRACEPARENT.fullmatch(traceparent or ""):
        return Trace(found[1], parent_id=found[2])
    return Trace(secrets.token_hex(16))


def trace_id_of(correlation_id: str) -> str:
    """32 hexadecimal digits: the id itself, or a digest of one that a client chose in another form."""
    if TRACE_ID.fullmatch(correlation_id):
        return correlation_id
    return hashlib.sha256(correlation_id.encode()).hexdigest()[:32]
