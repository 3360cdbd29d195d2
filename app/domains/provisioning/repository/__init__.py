"""Every SQL statement of provisioning: `allocations`, `machines` (deployments and claims), `timeline`."""

from app.domains.provisioning.repository.allocations import AllocationRepository
from app.domains.provisioning.repository.machines import MachineRepository
from app.domains.provisioning.repository.timeline import TimelineRepository

__all__ = ["AllocationRepository", "MachineRepository", "TimelineRepository"]
