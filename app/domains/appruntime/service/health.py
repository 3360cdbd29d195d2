"""Looks whether apps are still what they are said to be: one that ended by itself is told, one that should not run is
ended, one whose way up or down was lost begins anew. And what a machine takes along when it goes."""

from datetime import timedelta
from itertools import groupby
from uuid import UUID

import structlog

from app.domains.appruntime.contracts import AppView
from app.domains.appruntime.gateway import AppStatus, Manager
from app.domains.appruntime.repository import AppRepository
from app.domains.appruntime.rules.messages import ending
from app.domains.appruntime.rules.states import DOWN
from app.domains.appruntime.service import transitions
from app.domains.appruntime.service.links import links_of, manager_of
from app.domains.provisioning import public as provisioning
from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.context import Context, Runtime
from app.shared.errors import DomainError

RECENT = timedelta(minutes=10)
AT_ONCE = 500  # apps per look at the table
STUCK_AFTER = timedelta(minutes=5)
MACHINE_GONE = "Its machine was released."

log = structlog.get_logger("berth.apps")


async def watch(runtime: Runtime) -> int:
    """One look at every machine with apps; how many apps were not as they were said to be. Silent machines are left."""
    found, after = 0, None
    while True:
        async with runtime.context(SYSTEM) as ctx:
            apps = await AppRepository(ctx.session).list_watched(await ctx.now() - RECENT, after, AT_ONCE)
            gone = await provisioning.access_endings(ctx, {app.allocation_id for app in apps})
        if not apps:
            return found
        after = apps[-1]
        left = [app for app in apps if app.allocation_id not in gone]

        async def leave(allocation_id: UUID) -> int:
            async with runtime.context(SYSTEM) as ctx:
                return await leave_machine(ctx, allocation_id)

        await one_by_one(gone, leave, "the apps of a machine that is gone could not be ended")
        for allocation_id, group in groupby(left, key=lambda app: app.allocation_id):
            found += await look_at(runtime, allocation_id, list(group))
        found += len(gone)


async def look_at(runtime: Runtime, allocation_id: UUID, apps: list[AppView]) -> int:
    """One machine. How many of `apps` were not as they were said to be."""
    handles = [app.handle for app in apps]
    try:
        statuses = await links_of(runtime).on_machine(allocation_id, lambda machine: machine.status(handles))
    except DomainError as error:
        log.info("a machine could not be asked about its apps", allocation_id=str(allocation_id), code=error.code)
        return 0
    found = 0
    for app in apps:
        status = statuses.get(app.handle)
        if status is None:
            continue  # what the machine said of it could not be read: that is no end
        if app.state == "running" and not (status.alive and status.run == app.run):
            found += await _fail_ended(runtime, app, status)
        elif app.state in DOWN and status.alive:
            found += await _end(runtime, app)
    return found


async def _fail_ended(runtime: Runtime, app: AppView, status: AppStatus) -> int:
    async with runtime.context(SYSTEM) as ctx:
        now = await AppRepository(ctx.session).get(app.id, lock=True)
        if now.state != "running" or now.run != app.run:
            return 0
        mine = status if status.run == app.run else AppStatus(app=app.handle)
        await transitions.fail(ctx, now, ending(mine.code, mine.signal, mine.error, mine.tail), mine.code)
    return 1


async def _end(runtime: Runtime, app: AppView) -> int:
    async with runtime.context(SYSTEM) as ctx:
        if (await AppRepository(ctx.session).get(app.id)).state not in DOWN:
            return 0
    try:
        link, login = await manager_of(runtime, app.allocation_id)
        try:
            await Manager(link).stop(login, app.handle)
        finally:
            link.close()
    except DomainError:
        return 0
    log.warning("an app ran that should not", app_id=str(app.id))
    return 1


async def ask_again(runtime: Runtime) -> int:
    """Ask again for the workflow of everything that has not moved for minutes: one that runs notices nothing, one that
    was lost begins anew. Returns how many were asked for."""
    asked, after = 0, None
    while True:
        async with runtime.context(SYSTEM) as ctx:
            stuck = await AppRepository(ctx.session).list_stuck(await ctx.now() - STUCK_AFTER, after, AT_ONCE)
        if not stuck:
            return asked
        after = stuck[-1].id

        async def ask(app: AppView) -> bool:
            async with runtime.context(SYSTEM) as ctx:
                await transitions.drive(ctx, app, "stop" if app.state == "stopping" else "start")
            return True

        asked += await one_by_one(stuck, ask, "the workflow of an app could not be asked for again")


async def leave_machine(ctx: Context, allocation_id: UUID) -> int:
    """The machine is given back: its apps end with it. How many there were."""
    apps = await AppRepository(ctx.session).lock_on_machine(allocation_id)
    for app in apps:
        await transitions.release(ctx, app, "machine", MACHINE_GONE)
    return len(apps)
