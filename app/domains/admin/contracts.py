"""What the portal gets of the operator's console: the announcements that it shows."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Level = Literal["good", "busy", "warn", "bad"]
Audience = Literal["everybody", "customers", "operators"]


class AnnouncementView(msgspec.Struct, frozen=True, kw_only=True):
    """A plain-text message on every page between two instants."""

    id: UUID
    text: str
    level: Level
    audience: Audience
    from_at: datetime
    to_at: datetime
    created_by: UUID | None
    created_at: datetime
    withdrawn_at: datetime | None
