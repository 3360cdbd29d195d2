"""What is done on one machine about who may enter it, at once and outside of any transaction: accounts of slices, the
proof that a login works, the end of all access. Every function raises NodeUnreachable or NodeRefused."""

from collections.abc import Sequence

from app.domains.provisioning.contracts import AccessTarget
from app.domains.releases.contracts import CertifyUser, Gpu
from app.domains.releases.gateway import Node, try_login
from app.domains.releases.service.certificates import login_target, management_target
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.telemetry.trace import Trace


async def node_of(ctx: Context, machine: AccessTarget) -> Node:
    """The machine as its management sees it, for some minutes; to be used when the Context has ended."""
    return Node(management_target(ctx.settings, machine, await ctx.now()))


async def list_gpus(runtime: Runtime, machine: AccessTarget) -> list[Gpu]:
    """The GPUs that answer there."""
    async with runtime.context(SYSTEM) as ctx:
        node = await node_of(ctx, machine)
    return await node.gpus()


async def open_account(runtime: Runtime, machine: AccessTarget, gpus: Sequence[int] | None) -> None:
    """Make the account of the machine's login, which opens these GPUs (None: all). Safe to repeat."""
    async with runtime.context(SYSTEM) as ctx:
        node = await node_of(ctx, machine)
    await node.add_user(machine.login, machine.uid, machine.principal, gpus)


async def close_account(runtime: Runtime, machine: AccessTarget) -> None:
    """End all access, sessions and processes of the machine's login; on a shared machine the account goes too."""
    async with runtime.context(SYSTEM) as ctx:
        node = await node_of(ctx, machine)
    if machine.whole:
        await node.revoke(machine.login)
    else:
        await node.remove_user(machine.login)


async def prove_login(runtime: Runtime, machine: AccessTarget, trace: Trace) -> None:
    """Log in once as the customer will."""
    async with runtime.context(SYSTEM, trace) as ctx:
        target = await login_target(ctx, CertifyUser(machine=machine, purpose="probe"))
    await try_login(target)
