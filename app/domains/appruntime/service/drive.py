"""Bringing an app up and down on its machine. Every step may be repeated, and cut at any instruction.

The machine goes on by itself: we write what to run, ask for it to be started, and then only look how far it is.
"""

import asyncio
from uuid import UUID

from app.domains.appruntime.contracts import AppView, Drive
from app.domains.appruntime.errors import AppFailed, MachineRefused, MachineSilent, NoLongerWanted
from app.domains.appruntime.gateway import AppMachine, AppStatus, Manager
from app.domains.appruntime.repository import AppRepository, ManifestRepository, StepRepository
from app.domains.appruntime.rules.manifests import Manifest, check, files_path, spec_of
from app.domains.appruntime.rules.messages import ending
from app.domains.appruntime.rules.states import after_stop, as_state
from app.domains.appruntime.service import actions, transitions
from app.domains.appruntime.service.links import links_of, manager_of
from app.domains.provisioning import public as provisioning
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from app.shared.errors import DomainError

LOOK_SECONDS = 0.5
SILENCE_SECONDS = 60.0  # how long a machine may be silent on the way up


class Driver:
    """Bound to one process's runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._links = links_of(runtime)

    async def prepare(self, drive: Drive) -> None:
        """Write to the machine what is to be run. Raises NoLongerWanted, MachineSilent, MachineRefused."""
        app, manifest = await self._begin(drive)
        spec = spec_of(manifest, await self._links.seat(app), app.run)

        async def write(machine: AppMachine) -> None:
            await machine.prepare(app.handle, manifest.files, files_path(manifest), spec)

        await self._links.on_machine(app.allocation_id, write)
        await self._done(drive, "prepare")

    async def start(self, drive: Drive) -> None:
        """Have it started, unless this very run was. Raises like `prepare`."""
        app, _ = await self._begin(drive)
        status = await self._look(app)
        if status.run == app.run and (status.alive or status.state in ("exited", "failed")):
            return
        link, login = await manager_of(self._runtime, app.allocation_id)
        try:
            manager = Manager(link)
            if status.alive:  # an older run that was never seen to end
                await manager.stop(login, app.handle)
            await manager.start(login, app.handle)
            try:
                await self._begin(drive)
            except NoLongerWanted:  # stopped in this very moment: whoever stopped it found nothing to stop
                await manager.stop(login, app.handle)
                raise
        finally:
            link.close()

    async def follow(self, drive: Drive) -> None:
        """Note each step until it runs. Raises AppFailed, NoLongerWanted, MachineSilent, MachineRefused."""
        app, manifest = await self._begin(drive)
        labels = {step.key: step.label for step in manifest.steps}
        loop = asyncio.get_running_loop()
        deadline, answered_at = loop.time() + drive.seconds, loop.time()
        while loop.time() < deadline:
            try:
                status = await self._look(app)
                if status.run == app.run:
                    answered_at = loop.time()
                    if await self._note(drive, status, labels):
                        return
            except MachineSilent:
                if loop.time() - answered_at > SILENCE_SECONDS:
                    raise
            if loop.time() - answered_at > SILENCE_SECONDS:
                raise AppFailed("The machine did not start it.")
            await asyncio.sleep(LOOK_SECONDS)
        raise AppFailed(f"It was not up within {drive.seconds} s.")

    async def fail(self, drive: Drive) -> None:
        """It did not come up: say so; nothing of it goes on running."""
        async with self._runtime.context(SYSTEM, transitions.trace_of(drive)) as ctx:
            try:
                app = await transitions.lock_run(ctx, drive)
            except NoLongerWanted:
                return
            await transitions.fail(ctx, app, drive.text)
        try:
            await self._end(app)
        except DomainError:
            return  # the machine does not answer; the watch looks again

    async def stop(self, drive: Drive) -> None:
        """Nothing of it runs any more, or its machine is gone. Raises MachineSilent, MachineRefused."""
        async with self._runtime.context(SYSTEM, transitions.trace_of(drive)) as ctx:
            app = await AppRepository(ctx.session).get(UUID(drive.app_id))
            gone = await provisioning.access_endings(ctx, [app.allocation_id])
        if app.state != "stopping" or app.run != drive.run:
            return
        if not gone:
            await self._end(app)
            if app.wanted == "released":
                await self._links.on_machine(app.allocation_id, lambda machine: machine.remove(app.handle))
        await self._finish_stop(drive)

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _finish_stop(self, drive: Drive) -> None:
        async with self._runtime.context(SYSTEM, transitions.trace_of(drive)) as ctx:
            app = await AppRepository(ctx.session).get(UUID(drive.app_id), lock=True)
            if app.state != "stopping" or app.run != drive.run:
                return
            await transitions.finish_step(ctx, app, "stop")
            for state in after_stop(app.wanted):  # type: ignore[arg-type]  # checked by the table
                if state == "stopped":
                    app = await transitions.enter(ctx, app, "stopped")
                elif state == "released":
                    app = await transitions.release(ctx, app, "customer")
                else:
                    app = await actions.request(ctx, app)

    async def _end(self, app: AppView) -> None:
        link, login = await manager_of(self._runtime, app.allocation_id)
        try:
            await Manager(link).stop(login, app.handle)
        finally:
            link.close()

    async def _begin(self, drive: Drive) -> tuple[AppView, Manifest]:
        async with self._runtime.context(SYSTEM, transitions.trace_of(drive)) as ctx:
            app = await transitions.lock_run(ctx, drive)
            await transitions.begin_step(ctx, app, "prepare", "Bring it to the machine")
            manifest = check((await ManifestRepository(ctx.session).get_by_id(app.manifest_id)).body)
        return app, manifest

    async def _done(self, drive: Drive, step: str) -> None:
        async with self._runtime.context(SYSTEM, transitions.trace_of(drive)) as ctx:
            app = await transitions.lock_run(ctx, drive)
            await transitions.finish_step(ctx, app, step)
            if app.state == "requested":
                await transitions.enter(ctx, app, "installing")

    async def _look(self, app: AppView) -> AppStatus:
        found = await self._links.on_machine(app.allocation_id, lambda machine: machine.status([app.handle]))
        if app.handle not in found:
            raise MachineRefused("What the machine says of this app could not be read.")
        return found[app.handle]

    async def _note(self, drive: Drive, status: AppStatus, labels: dict[str, str]) -> bool:
        """Write down what is new. True when it runs. Raises AppFailed, NoLongerWanted."""
        async with self._runtime.context(SYSTEM, transitions.trace_of(drive)) as ctx:
            app = await transitions.lock_run(ctx, drive)
            moved = await _note_steps(ctx, app, status, labels)
            is_up = status.state == "running" and status.alive
            if status.state in ("starting", "running") and app.state != "starting":
                app = await transitions.enter(ctx, app, "starting")
            elif moved and not is_up:
                app = await transitions.enter(ctx, app, as_state(app.state))
            if is_up:
                await transitions.enter(ctx, app, "running", running_at=await ctx.now())
        if not is_up and (status.state in ("exited", "failed") or not status.alive):
            raise AppFailed(ending(status.code, status.signal, status.error, status.tail))
        return is_up


async def _note_steps(ctx: Context, app: AppView, status: AppStatus, labels: dict[str, str]) -> bool:
    """Whether anything was new."""
    steps, now, moved = StepRepository(ctx.session), await ctx.now(), False
    for step in status.steps:
        moved |= await steps.begin(app, step.key, labels.get(step.key, step.key), now)
        if step.ended is not None and step.ok:
            moved |= await steps.finish(app, step.key, "active", now, step.note)
    if status.state in ("starting", "running"):
        moved |= await steps.begin(app, "answer", "Wait until it answers", now)
    if status.state == "running":
        moved |= await steps.finish(app, "answer", "active", now)
    return moved
