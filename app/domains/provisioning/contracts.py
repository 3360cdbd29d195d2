"""Ids, commands, views of provisioning, and what its workflows and activities say to each other. Imports nothing heavy.

Workflow payloads are frozen dataclasses of plain values: the broker's converter knows no msgspec.
"""

from dataclasses import dataclass
from typing import Literal, NewType
from uuid import UUID

import msgspec

from app.shared.ids import ProjectId, TenantId

AllocationId = NewType("AllocationId", UUID)
DeploymentId = NewType("DeploymentId", UUID)

# -- workflows -------------------------------------------------------------------------------------------------------

PROVISION, RELEASE = "ProvisionAllocation", "ReleaseAllocation"
CANCEL_SIGNAL = "cancel"
MANAGEMENT_LOGIN = "berth-mgmt"  # on every machine; may run the next as root and nothing else
NODE_COMMAND = "/usr/local/sbin/berth-node"
NODE_FAULT = "NodeFault"  # the machine is bad: try another one
UNWANTED = "Unwanted"  # the allocation was canceled or has ended: undo and stop
NO_CAPACITY = "NoCapacity"
CONTROLLER = "MachineController"  # MAAS does not do what we ask, whatever the machine


def provision_workflow_id(allocation_id: UUID) -> str:
    return f"provision/{allocation_id}"


def release_workflow_id(allocation_id: UUID) -> str:
    return f"release/{allocation_id}"


@dataclass(frozen=True)
class WorkflowInput:
    """Input of a workflow. The correlation id leads back to the request."""

    allocation_id: str
    correlation_id: str


@dataclass(frozen=True)
class Step:
    """What an activity gets; `attempt` counts the machines tried."""

    allocation_id: str
    correlation_id: str
    attempt: int = 0


@dataclass(frozen=True)
class Limits:
    """Seconds per step and the number of machines to try: policy, read once when the workflow starts."""

    place_seconds: int
    deploy_seconds: int
    answer_seconds: int
    return_seconds: int
    close_seconds: int
    retry_seconds: int
    attempts: int


@dataclass(frozen=True)
class Vacated:
    """`machine`: nobody else uses the machine, so it must be returned to MAAS."""

    machine: bool
    occupied: bool


@dataclass(frozen=True)
class GiveUp:
    """Leave this machine; with a `quarantine` reason it is kept out of use."""

    step: Step
    quarantine: str = ""


@dataclass(frozen=True)
class End:
    """How an allocation that never became active ends."""

    step: Step
    state: str  # failed | canceled
    code: str = ""
    text: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a workflow ended: the allocation's state."""

    state: str


# -- commands --------------------------------------------------------------------------------------------------------


class AttachKey(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: UUID
    key_id: UUID


class DetachKey(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: UUID
    key_id: UUID


class CertifyKey(msgspec.Struct, frozen=True, kw_only=True):
    """`public_key`: the one line of the key that the caller holds."""

    allocation_id: UUID
    public_key: str


# -- results and views -----------------------------------------------------------------------------------------------


class AttachmentChanged(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: AllocationId
    key_id: UUID


class DeploymentView(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment of a machine, from its allocation in MAAS to its return."""

    id: DeploymentId
    tenant_id: TenantId
    node_id: UUID
    system_id: str
    hostname: str
    image_code: str
    shared: bool
    state: Literal["live", "closing", "ended"]
    address: str | None

    @property
    def marker(self) -> str:
        """The agent name by which MAAS knows that this deployment allocated the machine."""
        return f"berth-{self.id.hex}"


class MachineLogin(msgspec.Struct, frozen=True, kw_only=True):
    """The login of an allocation on its machine, wherever that is; known from the launch on."""

    allocation_id: AllocationId
    tenant_id: TenantId
    project_id: ProjectId
    login: str


class AccessTarget(MachineLogin, frozen=True, kw_only=True):
    """Where that login is. Connect to `address`:`port` and check the host certificate against `host_alias`."""

    name: str
    system_id: str
    address: str
    port: int
    uid: int
    principal: str
    host_alias: str
    host_principals: tuple[str, ...]
    whole: bool


class MachineView(msgspec.Struct, frozen=True, kw_only=True):
    """What other domains know of an allocation."""

    id: AllocationId
    tenant_id: TenantId
    project_id: ProjectId
    name: str
    state: str
    sku_code: str
    gpus: int
    currency: str
    rate_micro: int
