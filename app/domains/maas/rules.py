"""Pure decisions about MAAS machines: what a status means to us, and which machines we may touch."""

import re
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from app.domains.maas.contracts import MaasMachine, MachineStatus

NodeState = Literal[
    "ready",
    "deploying",
    "deployed",
    "releasing",
    "erasing",
    "failed",
    "broken",
    "commissioning",
    "missing",
    "unknown",
]

_STATES: dict[int, NodeState] = {
    MachineStatus.NEW: "commissioning",  # not usable before it has been commissioned
    MachineStatus.COMMISSIONING: "commissioning",
    MachineStatus.TESTING: "commissioning",
    MachineStatus.READY: "ready",
    MachineStatus.ALLOCATED: "deploying",  # taken, its deployment is about to begin
    MachineStatus.DEPLOYING: "deploying",
    MachineStatus.DEPLOYED: "deployed",
    MachineStatus.RELEASING: "releasing",
    MachineStatus.DISK_ERASING: "erasing",
    MachineStatus.FAILED_COMMISSIONING: "failed",
    MachineStatus.FAILED_DEPLOYMENT: "failed",
    MachineStatus.FAILED_RELEASING: "failed",
    MachineStatus.FAILED_DISK_ERASING: "failed",
    MachineStatus.FAILED_TESTING: "failed",
    MachineStatus.FAILED_ENTERING_RESCUE_MODE: "failed",
    MachineStatus.FAILED_EXITING_RESCUE_MODE: "failed",
    MachineStatus.BROKEN: "broken",
    MachineStatus.MISSING: "missing",
    MachineStatus.RETIRED: "missing",
}

DEPLOY_BEGAN = frozenset({MachineStatus.DEPLOYING, MachineStatus.DEPLOYED})
RELEASE_BEGAN = frozenset({MachineStatus.READY, MachineStatus.NEW, MachineStatus.RELEASING, MachineStatus.DISK_ERASING})
ABORTED = frozenset({MachineStatus.NEW, MachineStatus.ALLOCATED, MachineStatus.FAILED_DISK_ERASING})
COMMISSION_BEGAN = frozenset({MachineStatus.COMMISSIONING, MachineStatus.TESTING, MachineStatus.READY})


def node_state(status: MachineStatus) -> NodeState:
    """Our state for a MAAS status; `unknown` for reserved, rescue modes and numbers that MAAS may add."""
    return _STATES.get(status, "unknown")


def may_touch(machine: MaasMachine, *, pool: str, our_name: str) -> bool:
    """Whether we may change this machine: in our pool, not locked, and owned by us or by no user."""
    return machine.pool == pool and not machine.locked and machine.owner in (None, our_name)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EVENT_TIME = re.compile(r"\w+, (\d{1,2}) ([A-Za-z]{3})[a-z]*\.? (\d{4}) (\d\d):(\d\d):(\d\d)")


def event_time(text: str) -> datetime | None:
    """The instant in `Mon, 23 Nov. 2026 08:28:59` (UTC; months may be written out); None for anything else."""
    match = _EVENT_TIME.fullmatch(text.strip())
    if match is None or match[2].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(match[2].lower()) + 1
    try:
        return datetime(int(match[3]), month, int(match[1]), int(match[4]), int(match[5]), int(match[6]), tzinfo=UTC)
    except ValueError:
        return None


def api_base(url: str) -> str:
    """The API's base with its final slash, from any of the forms people give: `http://h:5240/MAAS[/][api/2.0/]`."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("the MAAS URL must look like http://host:5240/MAAS")
    path = parts.path.rstrip("/").removesuffix("/api/2.0").rstrip("/") or "/MAAS"
    return f"{parts.scheme}://{parts.netloc}{path}/api/2.0/"
