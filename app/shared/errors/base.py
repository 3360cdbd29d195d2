"""The base of every error a person or a program may see: a stable code, a true status, and only safe fields."""

from typing import TYPE_CHECKING, ClassVar, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from app.shared.audit.actions import AuditAction
    from app.shared.authz.permissions import Permission

Detail = str | int | bool | None | list[str] | dict[str, str]
Evidence = str | int | bool | None
# What was refused and on which target (kind, id), for the audit; before any use case ran it is the permission.
RefusedAction: TypeAlias = "tuple[AuditAction | Permission, str, str] | None"


class DomainError(Exception):
    """A refusal with a reason. Raising one rolls the transaction back; the renderer turns it into JSON, page or alert.

    `code` is stable and documented, `status` the HTTP status, `title` one sentence for people. `details` may hold only
    values that are safe to show to the caller. `retryable` tells programs that the same request may succeed later.
    `headers` go with the answer.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side."
    retryable: ClassVar[bool] = False
    oauth: ClassVar[str] = ""  # its name in RFC 6749 §5.2, where a client of OAuth may meet it
    audited: ClassVar[RefusedAction] = None  # action and target, when that is always the same
    way_back: ClassVar[tuple[str, str] | None] = None  # words and address of the button on its page; None: to the start

    def __init__(self, message: str | None = None, *, retry_after: int | None = None, **details: Detail) -> None:
        self.message = message or self.title
        self.details = details
        self.retry_after = retry_after
        self.headers: dict[str, str] = {}
        self.refused: RefusedAction = self.audited
        self.about_tenant: UUID | None = None  # whose affair it was, where the actor stands nowhere
        self.cause = ""  # a stable word that the caller is not told: for the log and the audit
        self.evidence: dict[str, Evidence] = {}  # what is known of it, for the log
        super().__init__(self.message)

    @classmethod
    def catalogue(cls) -> dict[str, type["DomainError"]]:
        """Every error code that exists, by walking the subclasses; the documentation page is made from it."""
        found: dict[str, type[DomainError]] = {}
        pending: list[type[DomainError]] = [cls]
        while pending:
            current = pending.pop()
            found[current.code] = current
            pending.extend(current.__subclasses__())
        return found
