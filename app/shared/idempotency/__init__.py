"""Every change is safe to repeat with the same key: the second request gets the first one's result."""

from app.shared.idempotency.key import IdempotencyKey, KeyForgotten, place_of, request_digest, route_of
from app.shared.idempotency.refusal import Refused
from app.shared.idempotency.store import dry_run, is_stored, once, recall

__all__ = [
    "IdempotencyKey",
    "KeyForgotten",
    "Refused",
    "dry_run",
    "is_stored",
    "once",
    "place_of",
    "recall",
    "request_digest",
    "route_of",
]
