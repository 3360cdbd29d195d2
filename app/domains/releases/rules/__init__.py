"""What a certificate says: principals and the time in which it is valid. Pure."""

from datetime import datetime, timedelta
from uuid import UUID

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
