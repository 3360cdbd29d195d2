"""Ids, commands, views of provisioning, and what its workflows and activities say to each other. Imports nothing heavy.

Workflow payloads are frozen dataclasses of plain values: the broker's converter knows no msgspec.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NewType
from uuid import UUID

import msgspec

from app.shared.ids import ProjectId, TenantId, UserId

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
    """What a workflow begins with. The correlation id leads back to the request."""

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
    """Seconds per step and how many machines are tried: policy, read once when the workflow begins."""

    place_seconds: int
    deploy_seconds: int
    answer_seconds: int
    return_seconds: int
    close_seconds: int
    retry_seconds: int
    attempts: int


@dataclass(frozen=True)
class Vacated:
    """`machine` says whether the machine itself has to go back: nobody else is on it."""

    machine: bool
    occupied: bool


@dataclass(frozen=True)
class GiveUp:
    """Leave this machine; with `quarantine` it is kept out of use for that reason."""

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


class LaunchAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """`gpus` None means the whole machine; there is no number that means it. With `dry_run` nothing changes. `keys`:
    which of one's SSH keys open it; None means all. An empty `image_code` is the default image."""

    sku_code: str
    image_code: str = ""
    gpus: int | None = None
    name: str = ""
    dry_run: bool = False
    keys: tuple[UUID, ...] | None = None


class NewAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch decides. Without `slots` it is the whole machine; `gpus` is what it pays for, amounts are
    micro-units."""

    id: AllocationId
    tenant_id: TenantId
    project_id: ProjectId
    user_id: UserId
    name: str
    sku_id: UUID
    sku_code: str
    gpus: int
    slots: int | None
    image_code: str
    currency: str
    rate_micro: int
    price_version_id: UUID
    hold_micro: int
    login: str
    uid: int
    gecos: str
    correlation_id: str


class ReleaseAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """`confirm_name`: what was typed; None from programs, which name the allocation by its id."""

    allocation_id: UUID
    confirm_name: str | None = None


class CancelAllocation(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: UUID


class ForceRelease(msgspec.Struct, frozen=True, kw_only=True):
    """An operator takes a machine back, whosever it is. `confirm_name`: what was typed; None from programs."""

    allocation_id: UUID
    reason: str
    confirm_name: str | None = None


class ForceCancel(msgspec.Struct, frozen=True, kw_only=True):
    """An operator gives up a launch, whosever it is."""

    allocation_id: UUID
    reason: str


class EmptyNode(msgspec.Struct, frozen=True, kw_only=True):
    """An operator takes back everything on a node, one by one."""

    node_id: UUID
    reason: str
    confirm_name: str | None = None


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


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: AllocationId
    name: str
    state: str
    rate_micro: int
    hold_micro: int
    currency: str


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch would cost and where it would go, without doing it. Empty `blockers`: it would be accepted."""

    sku_code: str
    name: str
    gpus: int
    whole: bool
    image_code: str
    currency: str
    rate_micro: int
    hold_micro: int
    available_micro: int
    runway_before_seconds: int | None
    runway_after_seconds: int | None
    empties_after_at: datetime | None
    machines_used: int
    machines_allowed: int
    gpus_used: int
    gpus_allowed: int
    fits: int
    warm: int
    ready_seconds: int | None
    placement: str
    blockers: tuple[str, ...]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: AllocationId
    state: str


class AttachmentChanged(msgspec.Struct, frozen=True, kw_only=True):
    allocation_id: AllocationId
    key_id: UUID


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a timeline. state: in_progress | active (done) | failed | ended | waiting."""

    step: str
    attempt: int
    state: str
    detail: str
    started_at: datetime | None
    finished_at: datetime | None
    expected_seconds: float | None = None


class DeploymentView(msgspec.Struct, frozen=True, kw_only=True):
    """One life of a machine in our hands, from its allocation in MAAS to its return."""

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
        """How MAAS knows that this machine was taken by this deployment and by nobody else."""
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
