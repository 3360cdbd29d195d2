"""What a certificate says: principals and the time in which it is valid; and the right that lets log in. Pure."""

from datetime import datetime, timedelta
from uuid import UUID

from app.shared.authz import Permission
from app.shared.authz.rights import Claim

BACK = timedelta(seconds=60)  # a machine's clock may be behind ours
MANAGEMENT = timedelta(minutes=5)


def user_principal(allocation_id: UUID, login: str) -> str:
    """Lets a certificate become `login` on the machine of this allocation, and nowhere else."""
    return f"alloc:{allocation_id}:{login}"


def management_principal(system_id: str) -> str:
    """Lets a certificate manage this one machine."""
    return f"berth-mgmt:{system_id}"


def validity(now: datetime, length: timedelta) -> tuple[datetime, datetime]:
    """From a minute back until `length` from now, in whole seconds."""
    return (now - BACK).replace(microsecond=0), (now + length).replace(microsecond=0)


def entry_claim(principal_id: UUID, tenant_id: UUID, project_id: UUID, session_id: UUID | None = None) -> Claim:
    """The right that a key on a machine or a certificate hangs on. A connection outlasts a sign-in that ran out."""
    return Claim(
        principal_id=principal_id,
        permission=Permission.TERMINAL_OPEN,
        tenant_id=tenant_id,
        project_id=project_id,
        session_id=session_id,
        until_expiry=False,
    )
