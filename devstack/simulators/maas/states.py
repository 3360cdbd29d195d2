"""The machine statuses of MAAS, their names and the legal moves between them (src/maasserver/node_status.py)."""

from enum import IntEnum


class Status(IntEnum):
    """Status numbers, the same from 3.3 to 3.8. The lower-case member name is what `status=` filters take."""

    NEW = 0
    COMMISSIONING = 1
    FAILED_COMMISSIONING = 2
    MISSING = 3
    READY = 4
    RESERVED = 5
    DEPLOYED = 6
    RETIRED = 7
    BROKEN = 8
    DEPLOYING = 9
    ALLOCATED = 10
    FAILED_DEPLOYMENT = 11
    RELEASING = 12
    FAILED_RELEASING = 13
    DISK_ERASING = 14
    FAILED_DISK_ERASING = 15
    RESCUE_MODE = 16
    ENTERING_RESCUE_MODE = 17
    FAILED_ENTERING_RESCUE_MODE = 18
    EXITING_RESCUE_MODE = 19
    FAILED_EXITING_RESCUE_MODE = 20
    TESTING = 21
    FAILED_TESTING = 22


_ODD_NAMES = {
    Status.FAILED_RELEASING: "Releasing failed",
    Status.FAILED_ENTERING_RESCUE_MODE: "Failed to enter rescue mode",
    Status.FAILED_EXITING_RESCUE_MODE: "Failed to exit rescue mode",
}
FILTER_NAMES = {status.name.lower(): status for status in Status}

_LEGAL: dict[int, frozenset[int]] = {
    number: frozenset(int(part) for part in targets.split())
    for number, targets in {
        0: "1 21 3 4 7 8 17",
        1: "2 4 7 3 0 8 21",
        2: "1 3 7 8 17 21",
        3: "0 4 10 1 8 17 21",
        4: "17 1 10 5 7 3 8 21",
        5: "4 10 7 3 8 14 12 17 21",
        6: "10 3 8 4 14 12 17 21",
        7: "0 4 3 8 17 21",
        8: "1 4 14 12 17 21 6",
        9: "10 3 8 11 6 4 14 12",
        10: "4 7 3 8 9 14 12 17 21",
        11: "10 3 8 4 14 12 17 21",
        12: "0 10 5 6 4 8 3 11 15 13",
        13: "12 14 4 8 21",
        14: "8 14 15 4 12",
        15: "14 12 8 10 4 17 21",
        16: "8 19 21",
        17: "4 8 6 16 18 19",
        18: "8 17 19 21",
        19: "0 8 2 4 5 10 11 6 3 7 13 15 16 18 20 22",
        20: "8 19 21",
        21: "8 0 4 5 10 6 1 2 3 7 9 11 12 13 14 15 22",
        22: "1 8 3 17 21 4 6",
    }.items()
}

RELEASABLE = frozenset(
    {
        Status.ALLOCATED,
        Status.RESERVED,
        Status.BROKEN,
        Status.DEPLOYING,
        Status.DEPLOYED,
        Status.FAILED_DEPLOYMENT,
        Status.FAILED_DISK_ERASING,
        Status.FAILED_RELEASING,
    }
)
COMMISSIONABLE = frozenset({Status.NEW, Status.FAILED_COMMISSIONING, Status.READY, Status.BROKEN})


def display_name(status: int) -> str:
    """`status_name` as MAAS shows it: `Failed deployment`, `Releasing failed`."""
    known = Status(status)
    return _ODD_NAMES.get(known) or known.name.replace("_", " ").capitalize()


def is_legal(source: int, target: int) -> bool:
    """Whether MAAS lets a machine move from `source` to `target`."""
    return target in _LEGAL[source]
