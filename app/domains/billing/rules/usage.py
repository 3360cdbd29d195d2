"""What a usage report is grouped by, and what is read from its groups."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

UsageBy = Literal["day", "sku", "project", "machine"]


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Days [from_day, to_day) of the organisation's calendar; without them the last 30, today included."""

    by: UsageBy = "day"
    from_day: date | None = None
    to_day: date | None = None


class Names(msgspec.Struct, frozen=True):
    """Titles of types and names of projects, by id."""

    skus: Mapping[str, str]
    projects: Mapping[str, str]

    def of(self, by: str, key: str, label: str = "") -> str:
        """The name of a group. A type, project or machine without a name is shown by the end of its id."""
        match by:
            case "sku":
                return self.skus.get(key, key[-8:])
            case "project":
                return self.projects.get(key, key[-8:])
            case "machine":
                return label or key[-8:]
        return key
