"""The actor: who asks, as a value. It is an argument everywhere and never looked up from inside."""

from enum import StrEnum
from uuid import UUID

import msgspec

from app.shared.authz.permissions import Role


class ActorKind(StrEnum):
    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    SYSTEM = "system"  # our own workers; holds no roles, its use cases do not ask
    ANONYMOUS = "anonymous"


class RoleBinding(msgspec.Struct, frozen=True):
    """A role at a scope: no tenant = global, no project = the whole tenant."""

    role: Role
    tenant_id: UUID | None = None
    project_id: UUID | None = None


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, where they stand (current tenant and project) and with which roles."""

    kind: ActorKind
    id: UUID | None = None
    tenant_id: UUID | None = None
    project_id: UUID | None = None
    bindings: tuple[RoleBinding, ...] = ()
    session_id: UUID | None = None  # the browser session or token, for revocation and for binding tickets
    name: str = ""  # shown on pages; never written to logs, audit or ledger
    via_cookie: bool = False  # CSRF is asked of cookies only
    viewing: UUID | None = None  # an operator looks at an organisation that is not theirs: nothing may change

    @property
    def key(self) -> str:
        """A stable name for idempotency rows and rate limits."""
        return f"{self.kind.value}:{self.id or self.session_id or '-'}"

    @property
    def role_names(self) -> list[str]:
        if self.viewing is not None:
            return ["view_as"]  # the roles are lent for reading
        return sorted({binding.role.value for binding in self.bindings})


SYSTEM = Actor(kind=ActorKind.SYSTEM)
ANONYMOUS = Actor(kind=ActorKind.ANONYMOUS)
