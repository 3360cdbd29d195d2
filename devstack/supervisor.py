"""Keeps the parts of a stack alive: starts them, restarts what dies, stops them in order.

One asyncio loop in the main thread. Forks happen in that thread (base.py says why); everything that waits runs beside.
Owns no order and no settings: `up` decides what starts when.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from devstack.report import Report
from devstack.services.base import Service, ServiceFailed

FIRST_PAUSE, LONGEST_PAUSE, SETTLED_AFTER = 0.5, 10.0, 30.0
START_DEADLINE, START_TRIES = 90.0, 3


@dataclass(slots=True)
class Part:
    """One supervised service and how it fares."""

    service: Service
    is_ready: bool = False
    started: float = 0.0
    seconds: float = 0.0
    pause: float = FIRST_PAUSE
    keeper: "asyncio.Task[None] | None" = field(default=None)

    @property
    def label(self) -> str:
        return self.service.label

    @property
    def pid(self) -> int | None:
        return self.service.process.pid if self.service.alive and self.service.process else None

    def next_pause(self) -> float:
        """How long to wait before the next start: doubles while it keeps dying, forgets after 30 s alive."""
        if time.monotonic() - self.started > SETTLED_AFTER:
            self.pause = FIRST_PAUSE
        pause, self.pause = self.pause, min(self.pause * 2, LONGEST_PAUSE)
        return pause


class Supervisor:
    """The parts by label; `changed` is called whenever one starts, becomes ready or dies."""

    def __init__(self, report: Report, changed: Callable[[], None]) -> None:
        self.parts: dict[str, Part] = {}
        self._report = report
        self._changed = changed

    async def start(self, services: Iterable[Service]) -> None:
        """Starts all at once; returns when all are ready. Raises ServiceFailed with the end of a log."""
        parts = [Part(service) for service in services]
        self.parts |= {part.label: part for part in parts}
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(self._first_start(part))

    async def _first_start(self, part: Part) -> None:
        for attempt in range(1, START_TRIES + 1):
            try:
                await self._bring_up(part)
                break
            except ServiceFailed:
                if attempt == START_TRIES or part.service.alive:
                    raise
                pause = part.next_pause()
                self._report.line(f"{part.label} {_ending(part)} while starting; again in {pause:g} s")
                await asyncio.sleep(pause)
        self._report.part(part.label, part.seconds, part.service.url)
        part.keeper = asyncio.create_task(self._keep(part))

    async def _bring_up(self, part: Part) -> None:
        """One attempt: prepare, start, wait until ready. Raises ServiceFailed."""
        began = time.monotonic()
        self._report.waiting_for(part.label)
        await asyncio.to_thread(part.service.prepare)
        part.service.start()
        part.started = time.monotonic()
        self._changed()
        while not await asyncio.to_thread(part.service.ready):
            if not part.service.alive:
                tail = part.service.log_tail()
                raise ServiceFailed(f"{part.label} {_ending(part)} before it was ready; the end of its log:\n{tail}")
            if time.monotonic() - part.started > START_DEADLINE:
                tail = part.service.log_tail()
                raise ServiceFailed(
                    f"{part.label} is not ready after {START_DEADLINE:g} s; the end of its log:\n{tail}"
                )
            await asyncio.sleep(0.03)
        part.is_ready = True
        part.seconds = time.monotonic() - began
        self._report.no_longer_waiting_for(part.label)
        self._changed()

    async def _keep(self, part: Part) -> None:
        """Restarts the part whenever it ends, for ever."""
        while True:
            while part.pid is not None:  # noqa: ASYNC110 - asking costs a system call; no event tells of a plain child
                await asyncio.sleep(0.1)
            part.is_ready = False
            self._changed()
            pause = part.next_pause()
            self._report.line(f"{part.label} {_ending(part)}; again in {pause:g} s")
            await asyncio.sleep(pause)
            try:
                await self._bring_up(part)
                self._report.line(f"{part.label} is ready again after {part.seconds:.1f} s")
            except (ServiceFailed, OSError) as error:
                self._report.line(str(error).splitlines()[0])
                if part.service.alive:
                    await asyncio.to_thread(part.service.kill)

    async def stop(self, labels: Iterable[str]) -> None:
        """Stops these parts, all at the same time."""
        parts = [self.parts[label] for label in labels if label in self.parts]
        for part in parts:
            if part.keeper is not None:
                part.keeper.cancel()
        await asyncio.gather(*(self._stop(part) for part in parts))

    async def _stop(self, part: Part) -> None:
        began = time.monotonic()
        await asyncio.to_thread(part.service.stop)
        part.is_ready = False
        self._changed()
        if part.started:
            self._report.line(f"{part.label} stopped ({time.monotonic() - began:.1f} s)")


def _ending(part: Part) -> str:
    """`was killed (SIGKILL)` or `ended with code 1`."""
    code = part.service.process.poll() if part.service.process else None
    if code is None:
        return "did not start"
    return f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
