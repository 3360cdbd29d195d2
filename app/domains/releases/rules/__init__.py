"""What a certificate says: principals and the time in which it is valid. Pure."""

from datetime import datetime, timedelta
from uuid import UUID

from app.shared.authz.permissions import GRANTS, Permission

BACK = timedelta(seconds=60)  # a machine's clock may be behind ours
MANAGEMENT = timedelta(minutes=5)
LOGS_IN = frozenset(role.value for role in GRANTS[Permission.TERMINAL_OPEN])  # roles whose people may be on a machine


def user_principal(allocation_id: UUID, login: str) -> str:
    """Lets a certificate become `login` on the machine of this allocation, and nowhere else."""
    return f"alloc:{allocation_id}:{login}"


def management_principal(system_id: str) -> str:
    """Lets a certificate manage this one machine."""
    return f"berth-mgmt:{system_id}"


def validity(now: datetime, length: timedelta) -> tuple[datetime, datetime]:
    """From a minute back until `length` from now, in whole seconds."""
    return (now - BACK).replace(microsecond=0), (now + length).replace(microsecond=0)
