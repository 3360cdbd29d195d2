"""Where the machine of an allocation is and as whom one logs in there."""

from uuid import UUID

from app.domains.provisioning.contracts import AccessTarget, DeploymentView, MachineLogin
from app.domains.provisioning.errors import NotActive
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.rules.states import ENDED, ENDING, as_state
from app.domains.releases import public as releases
from app.domains.releases.contracts import MachineState
from app.settings import Settings
from app.shared.authz import ActorKind, Permission, project_scope
from app.shared.context import Context
from app.shared.errors import Forbidden


def login_of(allocation: Allocation) -> MachineLogin:
    """The login of an allocation, known before it has a machine."""
    return MachineLogin(
        allocation_id=allocation.id,
        tenant_id=allocation.tenant_id,
        project_id=allocation.project_id,
        login=allocation.login,
    )


def target_of(settings: Settings, allocation: Allocation, deployment: DeploymentView) -> AccessTarget | None:
    """Where that is; None before the machine has an address."""
    if deployment.address is None:
        return None
    return AccessTarget(
        allocation_id=allocation.id,
        tenant_id=allocation.tenant_id,
        project_id=allocation.project_id,
        name=allocation.name,
        system_id=deployment.system_id,
        address=deployment.address,
        port=settings.maas.node_ssh_port,
        login=allocation.login,
        uid=allocation.uid,
        principal=releases.user_principal(allocation.id, allocation.login),
        host_alias=deployment.hostname,
        host_principals=(deployment.hostname, deployment.system_id),
        whole=allocation.whole,
    )


async def access_target(ctx: Context, allocation_id: UUID) -> AccessTarget:
    """Where and as whom the actor's project logs in to this machine. Raises NotFound, NotActive."""
    scope = project_scope(ctx.actor, Permission.TERMINAL_OPEN)
    return await _active(ctx, await AllocationRepository(ctx.session).get_in(scope, allocation_id))


async def app_target(ctx: Context, allocation_id: UUID) -> AccessTarget:
    """The same for our own workers and proxies, which have checked the permission. Raises NotFound, NotActive,
    Forbidden."""
    if ctx.actor.kind is not ActorKind.SYSTEM:
        raise Forbidden()
    return await _active(ctx, await AllocationRepository(ctx.session).get(allocation_id))


async def find_machine(ctx: Context, allocation_id: UUID) -> MachineState:
    """The machine of an allocation whose keys or certificates have changed. Raises NotFound."""
    allocation = await AllocationRepository(ctx.session).get(allocation_id)
    if allocation.state != "active":
        return MachineState(target=None, ended=as_state(allocation.state) in ENDING | ENDED)
    deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
    return MachineState(target=target_of(ctx.settings, allocation, deployment))


async def _active(ctx: Context, allocation: Allocation) -> AccessTarget:
    if allocation.state != "active":
        raise NotActive(state=allocation.state)
    deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
    target = target_of(ctx.settings, allocation, deployment)
    if target is None:
        raise NotActive(state=allocation.state)
    return target
