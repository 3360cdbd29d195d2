"""Errors that belong to no single domain."""

from collections.abc import Mapping
from typing import ClassVar

from app.shared.errors.base import Detail, DomainError

FieldErrors = dict[str, str]


class ValidationFailed(DomainError):
    """Every 422 about a field is one. A refusal that is always about the same `field`, with a code of its own, names it
    once for all."""

    code = "validation_error"
    status = 422
    title = "Some fields need another look."
    field: ClassVar[str | None] = None

    def __init__(self, message: str | None = None, *, fields: FieldErrors | None = None, **details: Detail) -> None:
        if fields is None and self.field is not None:
            fields = {self.field: message or self.title}
        self.fields: FieldErrors = {} if fields is None else fields
        super().__init__(message)
        self.details = {"fields": self.fields, **details}

    def rename(self, names: Mapping[str, str]) -> None:
        """Say the fields as the caller wrote them."""
        self.fields = {names.get(field, field): text for field, text in self.fields.items()}
        self.details["fields"] = self.fields


class Unauthenticated(DomainError):
    code = "token_missing"
    status = 401
    title = "Sign in to go on."


class Forbidden(DomainError):
    code = "forbidden"
    status = 403
    title = "Your role does not allow this."


class ViewOnly(DomainError):
    code = "view_as_read_only"
    status = 403
    title = "You are looking at an organisation that is not yours: nothing can be changed. Stop looking first."


class NotFound(DomainError):
    code = "not_found"
    status = 404
    title = "There is nothing here, or it is not yours to see."


class Conflict(DomainError):
    code = "conflict"
    status = 409
    title = "Something else changed this at the same time."


class PreconditionFailed(DomainError):
    code = "version_changed"
    status = 412
    title = "Somebody else changed this since you saw it. Look again, then decide."


class TooManyRequests(DomainError):
    code = "rate_limited"
    status = 429
    title = "Too many requests in a short time."
    retryable = True


class ServiceUnavailable(DomainError):
    code = "service_unavailable"
    status = 503
    title = "A part that we depend on does not answer right now."
    retryable = True


class IdempotencyKeyRequired(DomainError):
    code = "idempotency_key_required"
    status = 400
    title = "Send an X-Idempotency-Key header, so that this request is safe to repeat."


class IdempotencyKeyReused(DomainError):
    code = "idempotency_key_reused"
    status = 422
    title = "This idempotency key was used before with another request body."


class IdempotencyInProgress(DomainError):
    code = "idempotency_in_progress"
    status = 409
    title = "The first request with this key is still running."
    retryable = True
