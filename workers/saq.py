"""`berth worker`: jobs of all queues, and beside them the outbox relay, the consumers and the ticker.

One process, one event loop. The long tasks are started by SAQ's startup hook and stopped by its shutdown hook; one that
crashes is logged and started again. Any worker may die at any instruction; SIGTERM ends it within ten seconds.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import get_args

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from saq import Job, Worker
from saq.queue import Queue as SaqQueue
from saq.queue.redis import RedisQueue
from saq.types import Context as SaqContext
from saq.types import PartialTimersDict

from app.shared.context import Runtime
from app.shared.events.jetstream import JetStream
from app.shared.events.publisher import EventSender
from app.shared.manifest import CronSpec, Domain, JobSpec, Queue
from app.shared.outbox.marks import rewind
from app.shared.outbox.pool import RelayPool
from app.shared.outbox.row import Sender
from app.shared.outbox.tracing import receiving
from app.shared.service_checks import Asking
from app.shared.telemetry.trace import new_trace
from workers.consumers import Consumers
from workers.heartbeat import keep_heartbeat
from workers.housekeeping import HOUSEKEEPING
from workers.metrics import JOB_FAILURES, JOB_SECONDS, measure, serve_metrics
from workers.relay import Relay
from workers.runtime import start_runtime
from workers.senders import JobSender, WorkflowSender
from workers.ticker import Ticker

QUEUES: tuple[Queue, ...] = get_args(Queue)
JOBS_AT_ONCE = 4  # per queue
JOB_GRACE_SECONDS = 5.0  # for running jobs after SIGTERM; what is cut off runs again
LONG_TASK_GRACE = 2.5
LONGEST_RESTART_PAUSE = 30.0

log = structlog.get_logger("worker")
JobFunction = Callable[..., Awaitable[None]]


class BerthWorker(Worker[SaqContext]):
    """SAQ's worker without signal handlers, because all of them share a process, and with a way to take no new jobs
    while the running ones finish."""

    SIGNALS: list[signal.Signals] = []  # noqa: RUF012 - the library's class attribute
    draining = False

    async def process(self) -> bool:
        """Take one job and run it; while draining, wait for the end instead."""
        if self.draining:
            await self.event.wait()
            return False
        return await super().process()


def queue_client(url: str) -> Redis:
    """A Valkey client for SAQ, which waits at the server for up to ten seconds."""
    return Redis.from_url(
        url,
        socket_timeout=20,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=15,
        client_name="berth-queue",
    )


def run_spec(runtime: Runtime, spec: JobSpec | CronSpec) -> JobFunction:
    """The SAQ function of a job: it runs under the correlation id that its outbox row carried."""

    async def run(
        context: SaqContext, *, arguments: dict[str, object] | None = None, correlation_id: str | None = None
    ) -> None:
        trace = new_trace(correlation_id)
        with structlog.contextvars.bound_contextvars(correlation_id=trace.correlation_id, job=spec.name):
            started = time.monotonic()
            heartbeat = asyncio.create_task(_heartbeat(context["job"]))
            try:
                with JOB_FAILURES.labels(spec.name).count_exceptions(), JOB_SECONDS.labels(spec.name).time():
                    with receiving(f"job {spec.name}", trace, context["job"].key if correlation_id else ""):
                        await spec.run(runtime, arguments or {})
            finally:
                heartbeat.cancel()
                await asyncio.gather(heartbeat, return_exceptions=True)
            log.info("job done", seconds=round(time.monotonic() - started, 3))

    return run


async def _heartbeat(job: Job) -> None:
    while True:
        await asyncio.sleep(job.heartbeat / 4)
        with contextlib.suppress(RedisError, OSError):
            await job.update()


class WorkerProcess:
    """All parts of one worker process. `run()` until `stop()`."""

    def __init__(self, runtime: Runtime, domains: Sequence[Domain]) -> None:
        self.runtime = runtime
        self.domains = [*domains, HOUSEKEEPING]
        self._client = queue_client(runtime.settings.valkey_url)
        self.queues: dict[str, SaqQueue] = {name: RedisQueue(self._client, name=name) for name in QUEUES}
        self._workers = [self._make_worker(name) for name in QUEUES]
        self._stopping = asyncio.Event()
        self._long: list[asyncio.Task[None]] = []
        self._stoppers: list[Callable[[], None]] = []

    def _make_worker(self, name: Queue) -> BerthWorker:
        everything: list[JobSpec | CronSpec] = []
        for domain in self.domains:
            everything += [*domain.jobs, *domain.crons]
        specs = [spec for spec in everything if spec.queue == name]
        host = name == "maintenance"
        return BerthWorker(
            self.queues[name],
            functions=[(spec.name, run_spec(self.runtime, spec)) for spec in specs],
            concurrency=JOBS_AT_ONCE,
            dequeue_timeout=10,
            startup=self._start_long_tasks if host else None,
            shutdown=self._stop_long_tasks if host else None,
            timers=PartialTimersDict(sweep=5),  # type: ignore[typeddict-item]  # declared total by mistake
        )

    def stop(self) -> None:
        """Ask `run()` to end."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped; raises when a queue's worker ends by itself."""
        running = [asyncio.create_task(worker.start()) for worker in self._workers]
        ended = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([*running, ended], return_when=asyncio.FIRST_COMPLETED)
            await self._finish_jobs()
        finally:
            for worker in self._workers:
                await worker.stop()
            await asyncio.gather(*running, return_exceptions=True)
            for queue in self.queues.values():
                await queue.disconnect()
            await self.runtime.close()
        if not self._stopping.is_set():
            raise RuntimeError("a queue's worker ended by itself")

    async def _finish_jobs(self) -> None:
        """Take no new jobs; give the running ones a few seconds."""
        for worker in self._workers:
            worker.draining = True
        running = [entry["task"] for worker in self._workers for entry in worker.job_task_contexts.values()]
        if running:
            await asyncio.wait(running, timeout=JOB_GRACE_SECONDS)

    async def _start_long_tasks(self, _context: SaqContext) -> None:
        self.runtime.part(Asking)
        valkey, settings = self.runtime.valkey, self.runtime.settings

        def senders_for(pool: RelayPool) -> Sequence[Sender]:
            stream = JetStream(settings.nats_url, "berth-relay")
            return (
                EventSender(stream, lambda last, seconds: rewind(pool, last, seconds)),
                JobSender(self.domains, self.queues),
                WorkflowSender(settings.temporal),
            )

        async def relay() -> None:
            part = Relay(settings.database.url, valkey, senders_for)
            await self._run_part(part.run, part.stop)

        async def consumers() -> None:
            part = Consumers(self.runtime, self.domains)
            await self._run_part(part.run, part.stop)

        ticker = Ticker(valkey, self.queues, self.domains)
        for name, run in (("relay", relay), ("consumers", consumers), ("ticker", ticker.run)):
            self._long.append(asyncio.create_task(self._keep_running(name, run), name=name))
        self._long.append(asyncio.create_task(keep_heartbeat(valkey, "worker"), name="heartbeat"))
        self._long.append(asyncio.create_task(measure(self.runtime), name="metrics"))

    async def _run_part(self, run: Callable[[], Awaitable[None]], stop: Callable[[], None]) -> None:
        self._stoppers.append(stop)
        try:
            await run()
        finally:
            self._stoppers.remove(stop)

    async def _keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pause = 0.5
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                await run()
            except Exception:
                log.exception("a long task crashed and is started again", task=name)
            pause = 0.5 if time.monotonic() - started > 60 else min(LONGEST_RESTART_PAUSE, pause * 2)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _stop_long_tasks(self, _context: SaqContext) -> None:
        self._stopping.set()
        for stop in list(self._stoppers):
            stop()
        graceful = [task for task in self._long if task.get_name() in {"relay", "consumers"}]
        if graceful:
            await asyncio.wait(graceful, timeout=LONG_TASK_GRACE)
        for task in self._long:
            task.cancel()
        await asyncio.gather(*self._long, return_exceptions=True)


async def serve(runtime: Runtime, domains: Sequence[Domain]) -> None:
    """Run a worker process until SIGTERM or SIGINT."""
    process = WorkerProcess(runtime, domains)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    log.info("worker started", queues=list(QUEUES))
    await process.run()
    log.info("worker stopped")


def main() -> int:
    """`berth worker`."""
    runtime = start_runtime("worker")
    serve_metrics(runtime.settings)
    from app.registry import DOMAINS

    asyncio.run(serve(runtime, DOMAINS))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
