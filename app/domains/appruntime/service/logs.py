"""The output of an app, read from its machine while it is asked for: nothing of it is kept by us."""

import asyncio
from uuid import UUID

from app.domains.appruntime.contracts import AppView, LogPart
from app.domains.appruntime.service.links import links_of
from app.domains.appruntime.service.people import visible
from app.domains.auth import public as auth
from app.shared.authz import Permission
from app.shared.authz.rights import claim_of
from app.shared.authz.scope import require
from app.shared.context import ContextFactory, Runtime
from app.shared.errors import DomainError

LARGEST = 262_144
LOOK_SECONDS = 0.5


async def read_log(
    contexts: ContextFactory, runtime: Runtime, app_id: UUID, offset: int, limit: int, wait: int
) -> LogPart:
    """From `offset` on; negative: the end of it. With `wait` it answers when there is more, at the latest after so many
    seconds. Raises NotFound, MachineSilent, MachineRefused."""
    async with contexts() as ctx:
        require(ctx.actor, Permission.APP_LOGS)
        app, _ = await visible(ctx, app_id)
    if app.state == "released":
        return LogPart()
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        part = await _read(runtime, app, offset, min(limit, LARGEST))
        if part.text or asyncio.get_running_loop().time() >= deadline:
            return part
        await asyncio.sleep(LOOK_SECONDS)
        async with contexts() as ctx:  # the wait is long enough for a right to end
            await auth.check_right(ctx, claim_of(ctx.actor, Permission.APP_LOGS))


async def tail(contexts: ContextFactory, runtime: Runtime, app_id: UUID, limit: int) -> tuple[LogPart, str]:
    """The end of it for a page, and why there is none."""
    try:
        return await read_log(contexts, runtime, app_id, -1, limit, 0), ""
    except DomainError as error:
        if error.status in (401, 403, 404):
            raise
        return LogPart(), error.message


async def _read(runtime: Runtime, app: AppView, offset: int, limit: int) -> LogPart:
    links = links_of(runtime)
    return await links.on_machine(app.allocation_id, lambda machine: machine.log(app.handle, offset, limit))
