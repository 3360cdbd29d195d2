"""What the terminal's page shows: the machine, the shells that are still there, what became of the others."""

from dataclasses import dataclass
from uuid import UUID

from app.domains.provisioning import public as provisioning
from app.domains.provisioning.contracts import AccessTarget, MachineView
from app.domains.terminal.contracts import TerminalView
from app.domains.terminal.policies import MAX_TERMINALS
from app.domains.terminal.repository import TerminalRepository
from app.domains.terminal.rules.messages import ending
from app.domains.terminal.service.directory import is_gone
from app.domains.terminal.service.records import record_hosts_gone
from app.domains.terminal.service.tickets import person
from app.shared.authz import Permission, project_scope
from app.shared.context import Context


async def surviving(ctx: Context, allocation_id: UUID) -> tuple[list[TerminalView], int]:
    """One's shells on a machine that can be shown again, and how many were lost with their terminal host. Those
    are recorded as ended here, because the host cannot."""
    scope = project_scope(ctx.actor, Permission.TERMINAL_OPEN)
    user_id, _ = person(ctx.actor)
    live = await TerminalRepository(ctx.session).list_live(scope, user_id)
    gone = [host for host in {terminal.host for terminal in live} if await is_gone(host)]
    await record_hosts_gone(ctx, gone)
    here = [terminal for terminal in live if terminal.allocation_id == allocation_id]
    kept = [terminal for terminal in here if terminal.host not in gone]
    return kept, len(here) - len(kept)


@dataclass(frozen=True)
class Shown:
    """What the page's struct is made of."""

    target: AccessTarget
    allocation: MachineView
    shells: list[TerminalView]
    notice: str
    limit: int


async def terminal_page(ctx: Context, allocation_id: UUID) -> Shown:
    """Raises NotFound, NotActive or BrowserOnly."""
    scope = project_scope(ctx.actor, Permission.TERMINAL_OPEN)
    target = await provisioning.get_access_target(ctx, allocation_id)
    shells, lost = await surviving(ctx, allocation_id)
    limit = await ctx.policy(MAX_TERMINALS, scope.tenant_id, scope.project_id)
    allocation = await provisioning.get_machine(ctx, allocation_id)
    return Shown(target, allocation, shells, lost_message(lost), limit)


def lost_message(lost: int) -> str:
    """What to say of shells that went with a process of the portal."""
    if not lost:
        return ""
    words = ending("portal_restarted")
    many = "" if lost == 1 else f" and {lost - 1} more"
    return f"The portal was restarted, which ended your earlier shell{many}. This is a new one. {words.advice}"
