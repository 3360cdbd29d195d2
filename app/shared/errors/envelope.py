"""The one JSON shape of a refusal, and the same as a whole answer for where no application was asked."""

import msgspec

from app.shared.errors.base import DomainError
from app.shared.telemetry.trace import Trace

RawAnswer = tuple[int, list[tuple[bytes, bytes]], bytes]


def envelope(refusal: DomainError, trace: Trace) -> dict[str, object]:
    """What a program gets."""
    return {
        "error": {
            "code": refusal.code,
            "message": refusal.message,
            "details": refusal.details,
            "correlation_id": trace.correlation_id,
            "retryable": refusal.retryable,
        }
    }


def raw_answer(refusal: DomainError, trace: Trace, headers: dict[str, str]) -> RawAnswer:
    """Status, headers and body of a refusal, `headers` among them."""
    body = msgspec.json.encode(envelope(refusal, trace))
    named = {
        **headers,
        **refusal.headers,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-correlation-id": trace.correlation_id,
    }
    return refusal.status, [(name.encode(), value.encode("latin-1")) for name, value in named.items()], body
