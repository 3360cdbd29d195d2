"""What a usage report is grouped by, and what is read from its groups."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date
from typing import Literal, TypeVar
from uuid import UUID

import msgspec

from app.shared.money import Micro

UsageBy = Literal["day", "sku", "project", "machine"]


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Days [from_day, to_day) of the organisation's calendar; without them the last 30, today included."""

    by: UsageBy = "day"
    from_day: date | None = None
    to_day: date | None = None


class UsageCell(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of one type in one project on one day. `started` counts the machines whose first second lies in the day."""

    day: date
    project_id: UUID
    sku_id: UUID
    seconds: int
    gpu_seconds: int
    amount: Micro
    machines: int
    started: int


class Used(msgspec.Struct, frozen=True):
    """A sum of cells. `machines` counts each machine once, however many days it ran."""

    seconds: int = 0
    gpu_seconds: int = 0
    amount: Micro = Micro(0)
    machines: int = 0


K = TypeVar("K", bound=Hashable)


def sum_cells(cells: Iterable[UsageCell], key: Callable[[UsageCell], K], *, by_day: bool = False) -> dict[K, Used]:
    """Sums by key, each of one day when `by_day`. A machine runs without a gap, so over several days it counts on the
    first of them, or else where it started."""
    cells = list(cells)
    first = min((cell.day for cell in cells), default=None)
    sums: dict[K, Used] = {}
    for cell in cells:
        before = sums.get(key(cell), Used())
        sums[key(cell)] = Used(
            before.seconds + cell.seconds,
            before.gpu_seconds + cell.gpu_seconds,
            Micro(before.amount + cell.amount),
            before.machines + (cell.machines if by_day or cell.day == first else cell.started),
        )
    return sums


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
