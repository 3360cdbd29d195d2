"""What MAAS reports, as our own frozen structs. Imports nothing heavy; knows no HTTP."""

from datetime import datetime
from enum import IntEnum
from typing import NewType

import msgspec

SystemId = NewType("SystemId", str)


class MachineStatus(IntEnum):
    """MAAS's status numbers. A number it adds later becomes a member named UNKNOWN_n instead of an error."""

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

    @classmethod
    def _missing_(cls, value: object) -> "MachineStatus | None":
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_, member._value_ = f"UNKNOWN_{value}", value
        return member


class DiskInfo(msgspec.Struct, frozen=True):
    """One physical disk."""

    model: str
    serial: str
    size_bytes: int


class MaasMachine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine as MAAS describes it. Decide on `status`; texts may be stale."""

    system_id: SystemId
    hostname: str
    status: MachineStatus
    status_message: str = ""
    error_description: str = ""
    owner: str | None = None
    pool: str = ""
    zone: str = ""
    tags: tuple[str, ...] = ()
    locked: bool = False
    power_state: str = "unknown"
    ip_addresses: tuple[str, ...] = ()
    cpu_count: int = 0
    memory_mib: int = 0
    storage_mb: float = 0.0
    osystem: str = ""
    distro_series: str = ""
    architecture: str = ""
    disks: tuple[DiskInfo, ...] = ()
    annotations: dict[str, str] = {}


class GpuDevice(msgspec.Struct, frozen=True):
    """One GPU on the PCI bus, ids in lower-case hexadecimal without 0x."""

    vendor_id: str
    product_id: str
    product_name: str
    pci_address: str


class MaasEvent(msgspec.Struct, frozen=True):
    """One line of a machine's history. `created` is None when MAAS wrote a date we cannot read."""

    id: int
    system_id: SystemId
    level: str
    created: datetime | None
    type: str
    description: str


class MaasUser(msgspec.Struct, frozen=True):
    """Whose key we use."""

    username: str
    is_superuser: bool


class MaasVersion(msgspec.Struct, frozen=True):
    """What we are talking to."""

    version: str
    capabilities: tuple[str, ...]
