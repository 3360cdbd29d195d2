"""The life of a machine in the past: what a customer asked for, and what our workers did about it, by the functions
that the workflows' activities call. MAAS is not asked: it has no past. So the deployment has no address, and nothing is
said of what was seen on the machine; its slots, its state, its timeline and its money are what they would have been.
"""

from datetime import datetime, timedelta
from uuid import UUID

from app.domains.inventory import public as inventory
from app.domains.provisioning.contracts import End, GiveUp, Step
from app.domains.provisioning.repository import AllocationRepository, MachineRepository, TimelineRepository
from app.domains.provisioning.service import launch, placing, proving, release, teardown, transitions
from app.domains.provisioning.service.forecast import LaunchAllocation
from app.domains.provisioning.service.release import CancelAllocation, ReleaseAllocation
from app.shared.context import Context
from devstack.history.past import Past, trace_of
from devstack.history.people import Cast
from devstack.history.script import Run

# How long the parts take in this simulated world (devstack/simulators/maas/lives.py).
PLACED, DEPLOYED, CONFIGURED, PROBED = 0.4, 7.1, 7.9, 8.6
CLOSED, ERASED = 0.7, 3.2
FAILED_AFTER, NO_ANSWER = 64.0, "A part that we depend on did not answer in time."

Moment = tuple[datetime, "Machine", str]


class Machine:
    """One run of the script, step by step. Each step may be asked for again."""

    def __init__(self, past: Past, cast: Cast, run: Run, first: datetime) -> None:
        self.run = run
        self._past = past
        self._actor = cast.actor(run.who, run.project)
        self._first = first
        self._id: UUID | None = None
        self.key = f"{run.name} {run.day}"

    def moments(self) -> list[Moment]:
        """When its steps are due, in order."""
        begins, until = self._first + self.run.begins, self._first + self.run.until
        steps = [(begins, "launch"), (begins + timedelta(seconds=PLACED), "place")]
        if self.run.ends == "canceled":
            steps += [(until, "cancel"), (until + timedelta(seconds=CLOSED), "give_up")]
            steps += [(until + timedelta(seconds=ERASED), "end")]
        elif self.run.ends == "failed":
            steps += [(begins + timedelta(seconds=FAILED_AFTER), "give_up")]
            steps += [(begins + timedelta(seconds=FAILED_AFTER + ERASED), "end")]
        else:
            ready = begins + timedelta(seconds=PROBED)
            steps += [(begins + timedelta(seconds=DEPLOYED), "deployed")]
            steps += [(begins + timedelta(seconds=CONFIGURED), "configured"), (ready, "activate")]
            steps += [(until, "release"), (until + timedelta(seconds=CLOSED), "close")]
            steps += [(until + timedelta(seconds=ERASED), "finish")]
        return [(at, self, name) for at, name in steps]

    async def do(self, name: str, at: datetime) -> None:
        """One step at its instant."""
        if name == "launch":
            await self._launch(at)
        elif name in ("cancel", "release"):
            await self._leave(name, at)
        else:
            await self._past.work(f"{self.key} {name}", at, getattr(self, "_" + name), self.key)

    # -- the customer --------------------------------------------------------------------------------------------------

    async def _launch(self, at: datetime) -> None:
        run = self.run
        command = LaunchAllocation(sku_code=run.sku, image_code=run.image, gpus=run.gpus, name=run.name)
        launched = await self._past.step(f"{self.key} launch", at, self._actor, launch.launch, command, self.key)
        self._id = launched.allocation_id

    async def _leave(self, name: str, at: datetime) -> None:
        key, story = f"{self.key} {name}", self.key
        if name == "cancel":
            given_up = CancelAllocation(allocation_id=self._known())
            await self._past.step(key, at, self._actor, release.cancel, given_up, story)
            return
        given_back = ReleaseAllocation(allocation_id=self._known(), confirm_name=self.run.name)
        await self._past.step(key, at, self._actor, release.release, given_back, story)

    # -- our workers ---------------------------------------------------------------------------------------------------

    async def _place(self, ctx: Context) -> None:
        await placing.place(ctx, self._step)
        allocation = await transitions.enter(ctx, await transitions.lock_wanted(ctx, self._step), "provisioning")
        await transitions.begin_step(ctx, allocation, self._step.attempt, "deploy")

    async def _deployed(self, ctx: Context) -> None:
        allocation = await transitions.enter(ctx, await transitions.lock_wanted(ctx, self._step), "configuring")
        deployment = await MachineRepository(ctx.session).get_deployment(allocation.deployment_id)
        title = (await inventory.image(ctx, deployment.image_code)).title
        await transitions.finish_step(
            ctx, allocation, self._step.attempt, "deploy", f"{deployment.hostname} runs {title}"
        )
        await transitions.begin_step(ctx, allocation, self._step.attempt, "configure")

    async def _configured(self, ctx: Context) -> None:
        allocation = await transitions.lock_wanted(ctx, self._step)
        await transitions.finish_step(ctx, allocation, self._step.attempt, "configure", f"account {allocation.login}")
        await transitions.begin_step(ctx, allocation, self._step.attempt, "probe")

    async def _activate(self, ctx: Context) -> None:
        allocation = await transitions.lock_wanted(ctx, self._step)
        await transitions.finish_step(ctx, allocation, self._step.attempt, "probe")
        await proving.activate(ctx, self._step)

    async def _close(self, ctx: Context) -> None:
        allocation = await AllocationRepository(ctx.session).get(self._known(), lock=True)
        await transitions.begin_step(ctx, allocation, self._step.attempt, "close")
        await teardown.finish_close(ctx, self._step)
        await self._vacate(ctx)

    async def _vacate(self, ctx: Context) -> None:
        vacated = await teardown.vacate(ctx, GiveUp(self._step))
        if vacated.machine:
            allocation = await AllocationRepository(ctx.session).get(self._known())
            await TimelineRepository(ctx.session).begin(allocation, self._step.attempt, "erase", await ctx.now())

    async def _finish(self, ctx: Context) -> None:
        await teardown.finish_release(ctx, self._step)

    async def _give_up(self, ctx: Context) -> None:
        await self._vacate(ctx)

    async def _end(self, ctx: Context) -> None:
        if self.run.ends == "canceled":
            await teardown.end(ctx, End(self._step, "canceled"))
        else:
            await teardown.end(ctx, End(self._step, "failed", "timed_out", NO_ANSWER))

    # ------------------------------------------------------------------------------------------------------------------

    @property
    def _step(self) -> Step:
        trace = trace_of(self.key)
        return Step(str(self._known()), trace.correlation_id if trace else "", 1)

    def _known(self) -> UUID:
        if self._id is None:
            raise RuntimeError(f"{self.key} was not launched")
        return self._id
