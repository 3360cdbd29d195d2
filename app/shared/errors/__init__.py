"""One error class, one catalogue, one renderer. See `base`, `common` and `render`."""

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
