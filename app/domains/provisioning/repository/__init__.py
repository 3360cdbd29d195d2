"""Every SQL statement of provisioning, one repository for each subject."""

from app.domains.provisioning.repository.allocations import AllocationRepository
from app.domains.provisioning.repository.machines import MachineRepository
from app.domains.provisioning.repository.operators import OperatorRepository
from app.domains.provisioning.repository.timeline import TimelineRepository

__all__ = ["AllocationRepository", "MachineRepository", "OperatorRepository", "TimelineRepository"]
