"""Connections that people opened with a certificate end when they may not log in any more.

A login may be shared by everybody of a project, so a connection is told by the serial of its certificate, which sshd
logs. Nothing on the machine refuses a certificate before its minutes are over, so the machine is asked again and again
until then. A machine that does not answer is asked until it does or is given back.
"""

from datetime import timedelta

import msgspec
import structlog

from app.context import Context, Runtime
from app.domains.auth import public as auth
from app.domains.provisioning.contracts import AllocationView, DeploymentView, EndEntries
from app.domains.provisioning.errors import NodeRefused, NodeUnreachable
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.service.access import PAUSES, place_of
from app.domains.provisioning.service.proving import shell_of
from app.domains.releases import public as releases
from app.domains.releases.contracts import CertificateView, SshCredential
from app.shared.authz import Permission
from app.shared.authz.actor import SYSTEM

log = structlog.get_logger("berth.provisioning")
END_JOB = "provisioning.end_entries"
AGAIN = timedelta(seconds=10)  # while a certificate could still open a new connection
SKEW = timedelta(seconds=60)  # a machine's clock may be behind ours


async def ask_end(ctx: Context, order: EndEntries, pause: timedelta | None = None) -> None:
    """Ask for the person's connections to end, after the commit or after a pause."""
    due_at = None if pause is None else await ctx.now() + pause
    await ctx.enqueue(END_JOB, order, aggregate_id=order.allocation_id, due_at=due_at)


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    allocation: AllocationView
    deployment: DeploymentView
    certificates: list[CertificateView]
    management: SshCredential


async def end_entries(runtime: Runtime, order: EndEntries) -> None:
    """End what the person's certificates opened on the machine. Safe to repeat."""
    work = await _work(runtime, order)
    if work is None:
        return
    serials = [certificate.serial for certificate in work.certificates]
    try:
        await shell_of(runtime, work.deployment).end_certificates(work.management, work.allocation.login, serials)
    except (NodeUnreachable, NodeRefused) as error:
        log.warning("connections could not be ended", allocation_id=str(order.allocation_id), reason=error.message)
        pause = timedelta(seconds=PAUSES[min(order.tries, len(PAUSES) - 1)])
        async with runtime.context(SYSTEM) as ctx:
            await ask_end(ctx, msgspec.structs.replace(order, tries=order.tries + 1), pause)
        return
    async with runtime.context(SYSTEM) as ctx:
        if max(certificate.valid_to for certificate in work.certificates) + SKEW > await ctx.now():
            await ask_end(ctx, msgspec.structs.replace(order, tries=0), AGAIN)


async def _work(runtime: Runtime, order: EndEntries) -> _Work | None:
    """What to do, or None: the machine is on its way back, or the person may log in again."""
    async with runtime.context(SYSTEM) as ctx:
        allocation = await AllocationRepository(ctx.session).get(order.allocation_id)
        stay = (order.user_id, allocation.tenant_id, allocation.project_id)
        if allocation.state != "active" or not await auth.without_permission(ctx, Permission.TERMINAL_OPEN, [stay]):
            return None
        certificates = await releases.certificates_of(ctx, place_of(allocation), order.user_id)
        if not certificates:
            return None
        deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
        authority = releases.authority_of(ctx.settings)
        management = releases.mint_management_certificate(authority, deployment.system_id, await ctx.now())
        return _Work(allocation=allocation, deployment=deployment, certificates=certificates, management=management)
