"""The shapes MAAS sends, as far as we read them, and their translation into our own structs.

Unknown keys are passed over and nulls tolerated: fields come and go between its versions.
"""

import msgspec

from app.domains.maas.contracts import (
    DiskInfo,
    GpuDevice,
    MaasEvent,
    MaasMachine,
    MachineStatus,
    SystemId,
)
from app.domains.maas.rules import event_time

# What we decide on: whose a machine is, and whether we may touch it. The rest may be odd.
DECISIVE = ("system_id", "status", "owner", "pool", "locked", "hardware_type")


class Named(msgspec.Struct, frozen=True):
    """A pool or a zone."""

    name: str


class Disk(msgspec.Struct, frozen=True):
    """One physical disk."""

    model: str | None = None
    serial: str | None = None
    size: int | None = None


class Machine(msgspec.Struct, frozen=True):
    """One machine; 20 of its 81 keys."""

    system_id: str
    status: int
    hostname: str | None = None
    status_message: str | None = None
    error_description: str | None = None
    owner: str | None = None
    pool: Named | None = None
    zone: Named | None = None
    tag_names: tuple[str, ...] | None = None
    locked: bool | None = None
    power_state: str | None = None
    ip_addresses: tuple[str | None, ...] | None = None
    cpu_count: int | None = None
    memory: float | None = None
    storage: float | None = None
    osystem: str | None = None
    distro_series: str | None = None
    architecture: str | None = None
    physicalblockdevice_set: tuple[Disk, ...] | None = None
    workload_annotations: dict[str, str] | None = None

    def ours(self) -> MaasMachine:
        """As our own struct."""
        disks = self.physicalblockdevice_set or ()
        return MaasMachine(
            system_id=SystemId(self.system_id),
            hostname=self.hostname or self.system_id,
            status=MachineStatus(self.status),
            status_message=self.status_message or "",
            error_description=self.error_description or "",
            owner=self.owner or None,
            pool=self.pool.name if self.pool else "",
            zone=self.zone.name if self.zone else "",
            tags=self.tag_names or (),
            locked=bool(self.locked),
            power_state=self.power_state or "unknown",
            ip_addresses=tuple(address for address in self.ip_addresses or () if address),
            cpu_count=self.cpu_count or 0,
            memory_mib=int(self.memory or 0),
            storage_mb=self.storage or 0.0,
            osystem=self.osystem or "",
            distro_series=self.distro_series or "",
            architecture=self.architecture or "",
            disks=tuple(DiskInfo(disk.model or "", disk.serial or "", disk.size or 0) for disk in disks),
            annotations=self.workload_annotations or {},
        )


class Device(msgspec.Struct, frozen=True):
    """One PCI or USB device."""

    hardware_type: int = 0
    vendor_id: str | None = None
    product_id: str | None = None
    product_name: str | None = None
    pci_address: str | None = None

    def ours(self) -> GpuDevice:
        """As our own struct."""
        return GpuDevice(
            vendor_id=(self.vendor_id or "").lower(),
            product_id=(self.product_id or "").lower(),
            product_name=self.product_name or "",
            pci_address=self.pci_address or "",
        )


class Event(msgspec.Struct, frozen=True):
    """One event."""

    id: int
    node: str
    level: str = "INFO"
    created: str = ""
    type: str = ""
    description: str | None = None

    def ours(self) -> MaasEvent:
        """As our own struct."""
        when = event_time(self.created)
        return MaasEvent(self.id, SystemId(self.node), self.level, when, self.type, self.description or "")


class Events(msgspec.Struct, frozen=True):
    """One page of events."""

    events: tuple[msgspec.Raw, ...] = ()


class Power(msgspec.Struct):
    """What `query_power_state` answers."""

    state: str
