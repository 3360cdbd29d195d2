"""Every change is safe to repeat with the same key: the second request gets the first one's result."""

from app.shared.idempotency.key import IdempotencyKey, KeyForgotten, request_digest, route_of, scope_of
from app.shared.idempotency.refusal import Refused
from app.shared.idempotency.store import dry_run, is_stored

__all__ = [
    "IdempotencyKey",
    "KeyForgotten",
    "Refused",
    "dry_run",
    "is_stored",
    "request_digest",
    "route_of",
    "scope_of",
]
