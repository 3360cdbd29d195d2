"""What happens to a machine by itself: deploying, releasing, erasing and commissioning, step by step.

Every step's end is a wall clock time kept in the store, so a restart goes on where it was. `speed` divides all
durations. It owns the talk with the nodes process: a machine is Deployed only when its node is there.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine

from devstack.simulators.faults import Spec, seconds
from devstack.simulators.maas.nodes_link import NodesLink
from devstack.simulators.maas.region import Region
from devstack.simulators.maas.states import Status
from devstack.simulators.maas.store import Job, Machine, Step

log = logging.getLogger("devstack.maas.lives")
NODE_TIMEOUT_S = 1800
RELEASE_S, ERASE_S = 2.0, 2.0
WARM_FACTOR, SLOW_FACTOR = 0.5, 10.0
_DEPLOY = (
    ("Performing PXE boot", 0.6),
    ("Loading ephemeral", 1.2),
    ("Configuring storage", 0.6),
    ("Installing OS", 2.0),
    ("Configuring OS", 0.8),
    ("Rebooting", 0.8),
)
_COMMISSION = (("Performing PXE boot", 0.6), ("Gathering information", 2.0), ("Running test", 1.4))


class Lives:
    """One background task per busy machine, all of them stoppable and resumable."""

    def __init__(self, region: Region, link: NodesLink, speed: float) -> None:
        self._region = region
        self._link = link
        self._speed = speed
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_line = asyncio.Event()

    async def start(self) -> None:
        """Resume every unfinished life and bring the nodes process in line, without waiting for it."""
        self._spawn(self._resync())
        for machine in self._region.store.machines.values():
            if machine.job is not None:
                self._spawn(self._live(machine, machine.job))

    async def stop(self) -> None:
        """Stop all lives; the store knows how they go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def deploy(self, machine: Machine, image: str) -> None:
        """Begin a deployment. Faults that belong to it are used up now and stay with it."""
        strike = self._region.strike
        slow, failing = strike("slow_deploy", machine, op="deploy"), strike("deploy_fails", machine, op="deploy")
        stuck = strike("never_deploys", machine, op="deploy")
        machine.node_faults = [
            name for name in ("ssh_never_answers", "gpu_missing") if strike(name, machine, op="deploy")
        ]
        factor = (WARM_FACTOR if image in machine.images else 1.0) * (_factor(slow) if slow else 1.0)
        steps = [Step(name, duration * factor) for name, duration in _DEPLOY]
        if failing or stuck:
            del steps[4:]
            steps[-1].seconds = 2 * NODE_TIMEOUT_S if stuck else seconds(failing or {}, steps[-1].seconds)
        self.begin(machine, "deploy_fails" if failing or stuck else "deploy", steps)

    def release(self, machine: Machine, erase: bool) -> None:
        """Begin a release; with `erase` the disks are wiped first."""
        if erase:
            self.begin(machine, "erase", [Step("", ERASE_S)])
        else:
            self.begin(machine, "release", [Step("", RELEASE_S)])

    def commission(self, machine: Machine) -> None:
        """Begin commissioning."""
        self.begin(machine, "commission", [Step(name, duration) for name, duration in _COMMISSION])

    def begin(self, machine: Machine, kind: str, steps: list[Step]) -> None:
        """Give the machine a new life; an earlier one ends without its ending."""
        machine.job = Job(kind, steps)
        self._enter_step(machine, machine.job)
        self._region.store.save(machine)
        self._spawn(self._live(machine, machine.job))

    def cancel(self, machine: Machine) -> None:
        """End the machine's life where it stands."""
        machine.job = None
        self._region.store.save(machine)

    def leave_node(self, machine: Machine) -> None:
        """The machine is no longer Deployed: its node disappears, now or as soon as the nodes process answers."""
        if machine.on_node:
            machine.on_node = False
            self._spawn(_ignore(self._link.drop(machine.system_id)))

    def refresh_node(self, machine: Machine) -> None:
        """Tell the node that something about its machine changed (power)."""
        if machine.on_node:
            self._spawn(_ignore(self._link.hold(machine.system_id, self._region.node_payload(machine))))

    async def _live(self, machine: Machine, job: Job) -> None:
        while machine.job is job:
            await asyncio.sleep(max(0.0, job.due - time.time()))
            if machine.job is not job:
                return
            job.index += 1
            if job.index < len(job.steps):
                self._enter_step(machine, job)
                self._region.store.save(machine)
            else:
                await self._finish(machine, job)
                return

    def _enter_step(self, machine: Machine, job: Job) -> None:
        step = job.steps[job.index]
        job.due = time.time() + step.seconds / self._speed
        if step.event:
            self._region.store.record(machine, step.event, step.description)
        if job.kind.startswith("deploy"):
            machine.addressed = machine.addressed or job.index > 0

    async def _finish(self, machine: Machine, job: Job) -> None:
        if job.kind == "deploy":
            await self._deployed(machine, job)
            return
        machine.job = None
        if job.kind == "deploy_fails":
            self._failed(machine, job)
        elif job.kind == "erase":
            self._region.store.record(machine, "Disks erased")
            self._region.move(machine, Status.RELEASING)
            self._region.store.record(machine, "Releasing")
            self.release(machine, erase=False)
        else:
            commissioning = job.kind == "commission"
            self._region.move(machine, Status.READY)
            self._region.disown(machine)
            machine.power_state = "off"
            self._region.store.record(machine, "Ready" if commissioning else "Released")
        self._region.store.save(machine)

    async def _deployed(self, machine: Machine, job: Job) -> None:
        """The node first, the status after it: who reads Deployed may log in."""
        machine.addressed = True
        await self._in_line.wait()
        held = await self._link.hold(machine.system_id, self._region.node_payload(machine))
        if machine.job is not job:  # released or aborted while the nodes process was away
            if held and not machine.on_node:
                await self._link.drop(machine.system_id)
            return
        image = f"{machine.osystem}/{machine.distro_series}"
        machine.job, machine.on_node = None, True
        if image not in machine.images:
            machine.images = [*machine.images, image]
        self._region.move(machine, Status.DEPLOYED)
        self._region.store.record(machine, "Image Deployed", f"deployed {image}/amd64/generic")
        self._region.store.record(machine, "Deployed")
        self._region.store.used_image(image)
        self._region.store.save(machine)

    def _failed(self, machine: Machine, job: Job) -> None:
        timed_out = job.steps[-1].seconds >= NODE_TIMEOUT_S
        reason = "time-out during deployment" if timed_out else "Installation failed (refer to the installation log)"
        self._region.move(machine, Status.FAILED_DEPLOYMENT)
        machine.error_description = reason
        self._region.store.record(machine, "Marking node failed", reason, level="ERROR")

    async def _resync(self) -> None:
        """Every deployed machine is sent again; what the nodes process holds beyond that is dropped.

        No deployment ends before: a drop left over from before the restart must not hit a new node.
        """
        known = self._region.store.machines
        for machine in known.values():
            if machine.on_node:
                self._spawn(_ignore(self._link.hold(machine.system_id, self._region.node_payload(machine))))
        for system_id in await self._link.held():
            if system_id not in known or not known[system_id].on_node:
                await self._link.drop(system_id)
        self._in_line.set()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a life ended badly", exc_info=task.exception())


async def _ignore(work: Coroutine[None, None, bool]) -> None:
    """Overtaken is as good as done."""
    await work


def _factor(slow: Spec) -> float:
    value = slow.get("factor", SLOW_FACTOR)
    return float(value) if isinstance(value, int | float) else SLOW_FACTOR
