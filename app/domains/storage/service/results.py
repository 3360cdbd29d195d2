"""What use cases of storage return: what was changed, and why one item of a batch was refused."""

from datetime import datetime
from uuid import UUID

import msgspec


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why one item of a batch was refused. `status` is the status of a request for that item alone."""

    code: str
    message: str
    status: int = 422


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed, and its new version."""

    id: UUID
    version: int = 0
    count: int = 1
    at: datetime | None = None


class Purged(Done, frozen=True, kw_only=True):
    """A purged file, and the namespace that contained it."""

    namespace: str
