"""Certificates whose right has ended: the machine refuses them, and the connections that they made end.

A login may be shared by everybody of a project, so a connection is told by the serial of its certificate, which sshd
logs; the serial stands in a list that sshd asks at each login (KRL, `RevokedKeys`). A machine that does not answer is
asked until it does or is given back; one that keeps no such list is asked again until the certificates have run out.
"""

from datetime import timedelta
from uuid import UUID

import msgspec
import structlog

from app.domains.provisioning.contracts import DeploymentView, EndEntries
from app.domains.provisioning.errors import NodeRefused, NodeUnreachable
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.service.access import PAUSES
from app.domains.provisioning.service.proving import shell_of
from app.domains.releases import public as releases
from app.domains.releases.contracts import CertificateView, SshCredential
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime

log = structlog.get_logger("berth.provisioning")
END_JOB = "provisioning.end_entries"
AGAIN = timedelta(seconds=10)  # while a certificate could still open a new connection
SKEW = timedelta(seconds=60)  # a machine's clock may be behind ours


async def ask_end(ctx: Context, order: EndEntries, pause: timedelta | None = None) -> None:
    """Ask for what has ended to be carried out, after the commit or after a pause."""
    due_at = None if pause is None else await ctx.now() + pause
    await ctx.enqueue(END_JOB, order, aggregate_id=order.allocation_id, due_at=due_at)


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    allocation: Allocation
    deployment: DeploymentView
    certificates: list[CertificateView]
    management: SshCredential


async def end_entries(runtime: Runtime, order: EndEntries) -> None:
    """Let the machine refuse every certificate that has ended. Safe to repeat."""
    work = await _work(runtime, order.allocation_id)
    if work is None:
        return
    serials = [certificate.serial for certificate in work.certificates]
    shell = shell_of(runtime, work.deployment)
    try:
        refuses = await shell.end_certificates(work.management, work.allocation.login, serials)
    except (NodeUnreachable, NodeRefused) as error:
        log.warning("certificates could not be ended", allocation_id=str(order.allocation_id), reason=error.message)
        pause = timedelta(seconds=PAUSES[min(order.tries, len(PAUSES) - 1)])
        async with runtime.context(SYSTEM) as ctx:
            await ask_end(ctx, msgspec.structs.replace(order, tries=order.tries + 1), pause)
        return
    async with runtime.context(SYSTEM) as ctx:
        done = [one.serial for one in work.certificates if refuses or one.valid_to + SKEW <= await ctx.now()]
        await releases.note_refused(ctx, order.allocation_id, done)
        if len(done) < len(serials):
            await ask_end(ctx, msgspec.structs.replace(order, tries=0), AGAIN)


async def sweep_endings(runtime: Runtime) -> int:
    """Ask again for what nobody works on any more. Returns for how many machines."""
    async with runtime.context(SYSTEM) as ctx:
        late = await releases.late_endings(ctx, await ctx.now() - timedelta(seconds=PAUSES[-1] * 2))
        for allocation_id in late:
            await ask_end(ctx, EndEntries(allocation_id=allocation_id))
    return len(late)


async def _work(runtime: Runtime, allocation_id: UUID) -> _Work | None:
    """What to do, or None: nothing is left, or the machine is on its way back and others see to its doors."""
    async with runtime.context(SYSTEM) as ctx:
        allocation = await AllocationRepository(ctx.session).get(allocation_id)
        certificates = await releases.ending_certificates(ctx, allocation_id)
        if allocation.state != "active" or not certificates:
            return None
        deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
        authority = releases.authority_of(ctx.settings)
        management = releases.mint_management_certificate(authority, deployment.system_id, await ctx.now())
        return _Work(allocation=allocation, deployment=deployment, certificates=certificates, management=management)
