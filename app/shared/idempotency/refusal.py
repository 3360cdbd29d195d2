"""A vendor's refusal stored under an idempotency key, so that a repeated request gets the same error without another
call."""

import msgspec

from app.shared.errors import DomainError
from app.shared.errors.base import Detail


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of it under the key."""

    code: str
    message: str
    details: dict[str, Detail] = {}
    retry_after: int | None = None

    @classmethod
    def of(cls, error: DomainError) -> "Refused":
        return cls(code=error.code, message=error.message, details=error.details, retry_after=error.retry_after)

    def error(self) -> DomainError:
        """The same error once more. A code that is not known any more is DomainError itself."""
        kind = DomainError.catalogue().get(self.code, DomainError)
        again = kind.__new__(kind)
        DomainError.__init__(again, self.message, retry_after=self.retry_after, **self.details)
        return again
