"""One error class and one catalogue: see `base` and `common`. The renderer is `app/web/errors/render.py`."""

from app.shared.errors.base import DomainError
from app.shared.errors.common import (
    Conflict,
    FieldErrors,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    NotFound,
    PreconditionFailed,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
    ValidationFailed,
    ViewOnly,
)

__all__ = [
    "Conflict",
    "DomainError",
    "FieldErrors",
    "Forbidden",
    "IdempotencyInProgress",
    "IdempotencyKeyRequired",
    "IdempotencyKeyReused",
    "NotFound",
    "PreconditionFailed",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthenticated",
    "ValidationFailed",
    "ViewOnly",
]
