"""What is written down of shells: opened, ended, and which of them are still there."""

from collections.abc import Sequence
from uuid import UUID

from app.domains.terminal.contracts import Opened, RecordOpened, TerminalId, TerminalView
from app.domains.terminal.errors import TooManyTerminals
from app.domains.terminal.policies import MAX_TERMINALS
from app.domains.terminal.repository import TerminalRepository
from app.shared.audit import AuditAction
from app.shared.authz import Permission, project_scope
from app.shared.context import Context
from app.shared.ids import new_id
from app.shared.use_case import use_case


@use_case(Permission.TERMINAL_OPEN, AuditAction.TERMINAL_OPEN, lambda command, _: command.ticket.allocation_id)
async def record_opened(ctx: Context, command: RecordOpened) -> Opened:
    """Write down a shell before it is opened. Raises TooManyTerminals."""
    scope = project_scope(ctx.actor, Permission.TERMINAL_OPEN)
    ticket, repository = command.ticket, TerminalRepository(ctx.session)
    await repository.lock_person(ticket.user_id)
    limit = await ctx.policy(MAX_TERMINALS, scope.tenant_id, scope.project_id)
    if len(await repository.list_live(scope, ticket.user_id)) >= limit:
        raise TooManyTerminals(most=limit)
    now = await ctx.now()
    terminal = TerminalView(
        id=TerminalId(new_id()),
        tenant_id=scope.tenant_id,
        project_id=scope.project_id,
        allocation_id=ticket.allocation_id,
        user_id=ticket.user_id,
        session_id=ticket.session_id,
        host=command.host,
        opened_at=now,
        last_attached_at=now,
        ended_at=None,
        end_code=None,
    )
    await repository.append(terminal)
    return Opened(terminal_id=terminal.id, allocation_id=terminal.allocation_id)


async def record_attached(ctx: Context, terminal_id: UUID) -> None:
    """Somebody opened it in a browser again."""
    await TerminalRepository(ctx.session).touch(terminal_id, await ctx.now())


async def record_ended(ctx: Context, ids: Sequence[UUID], code: str) -> None:
    """Write down why they ended; the first reason stays."""
    await TerminalRepository(ctx.session).end(ids, code, await ctx.now())


async def record_hosts_gone(ctx: Context, hosts: Sequence[str]) -> None:
    """Write down that these terminal hosts have ended, and with them every shell that they had."""
    if hosts:
        await TerminalRepository(ctx.session).end_of_hosts(hosts, "portal_restarted", await ctx.now())
