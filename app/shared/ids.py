"""Identifiers: UUIDv7, so that an index on them grows at its end."""

from typing import NewType
from uuid import UUID

import uuid_utils

TenantId = NewType("TenantId", UUID)
ProjectId = NewType("ProjectId", UUID)
UserId = NewType("UserId", UUID)


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): time-ordered, unguessable enough for a name, never used as a secret."""
    return UUID(bytes=uuid_utils.uuid7().bytes)
