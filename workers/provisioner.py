"""`berth provisioner`: the Temporal worker for the workflows and activities of all domains.

It waits for Temporal as long as it takes. A worker that dies is replaced within seconds: the sticky queue gives up
after one, and heartbeats are sent often enough for the next attempt to go on where the last one stopped.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import cast

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    Worker,
)

from app.settings import TemporalSettings
from app.shared.context import Runtime
from app.shared.manifest import Domain
from app.shared.service_checks import Asking
from app.shared.telemetry.spans import Kind, span
from app.shared.telemetry.trace import new_trace
from workers.heartbeat import keep_heartbeat
from workers.metrics import serve_metrics
from workers.runtime import start_runtime
from workers.senders import open_client

GRACE = timedelta(seconds=7)  # for running activities after SIGTERM; the rest are cancelled and tried again elsewhere
LONGEST_PAUSE = 5.0

log = structlog.get_logger("provisioner")


def correlation_of(arguments: Sequence[object]) -> str | None:
    """The correlation id in an activity's or workflow's argument: its field (or key) `correlation_id`."""
    for argument in arguments:
        value: object = getattr(argument, "correlation_id", None)
        if value is None and isinstance(argument, Mapping):
            value = argument.get("correlation_id")
        if isinstance(value, str) and value:
            return value
    return None


class _BindCorrelation(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002 - the library's name
        info = activity.info()
        trace = new_trace(correlation_of(input.args))
        bound = {
            "correlation_id": trace.correlation_id,
            "workflow_id": info.workflow_id,
            "activity": info.activity_type,
            "attempt": info.attempt,
        }
        with structlog.contextvars.bound_contextvars(**bound):
            try:
                with span(
                    f"activity {info.activity_type}", Kind.CONSUMER, trace, cause=f"workflow:{info.workflow_id}"
                ) as recorded:
                    recorded.set(attempt=info.attempt)
                    return cast(object, await super().execute_activity(input))
            except Exception as error:
                log.warning("an activity failed", error=f"{type(error).__name__}: {error}")
                raise


class CorrelationInterceptor(Interceptor):
    """Every log line of an activity carries the correlation id of the click that led to it."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _BindCorrelation(super().intercept_activity(next))


async def connect(settings: TemporalSettings, stopping: asyncio.Event) -> Client | None:
    """The client, as soon as Temporal answers; None when asked to stop before that."""
    pause = 0.25
    while not stopping.is_set():
        try:
            async with asyncio.timeout(5):
                return await open_client(settings)
        except (RuntimeError, OSError, TimeoutError, RPCError) as error:
            log.warning("the provisioner waits for Temporal", error=type(error).__name__, again_in=pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
        pause = min(LONGEST_PAUSE, pause * 2)
    return None


def make_worker(client: Client, runtime: Runtime, domains: Sequence[Domain]) -> Worker | None:
    """The worker for all workflows and activities of `domains`; None while no domain has any."""
    workflows = [workflow for domain in domains for workflow in domain.workflows]
    activities: list[Callable[..., object]] = []
    for domain in domains:
        if domain.activities is not None:
            activities += domain.activities(runtime)
    if not workflows and not activities:
        return None
    return Worker(
        client,
        task_queue=runtime.settings.temporal.task_queue,
        workflows=workflows,
        activities=activities,
        interceptors=[CorrelationInterceptor()],
        graceful_shutdown_timeout=GRACE,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        default_heartbeat_throttle_interval=timedelta(seconds=1),
        max_concurrent_activities=50,
    )


async def serve(runtime: Runtime, domains: Sequence[Domain], stopping: asyncio.Event) -> None:
    """Run until `stopping` is set. Raises what ends the worker otherwise."""
    heartbeat = asyncio.create_task(keep_heartbeat(runtime.valkey, "provisioner"))
    runtime.part(Asking)
    try:
        client = await connect(runtime.settings.temporal, stopping)
        worker = make_worker(client, runtime, domains) if client is not None else None
        log.info("provisioner started", works=worker is not None)
        if worker is None:
            await stopping.wait()
            return
        async with worker:
            await stopping.wait()
    finally:
        heartbeat.cancel()
        await asyncio.gather(heartbeat, return_exceptions=True)
        await runtime.close()
        log.info("provisioner stopped")


async def run(runtime: Runtime, domains: Sequence[Domain]) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await serve(runtime, domains, stopping)


def main() -> int:
    """`berth provisioner`."""
    runtime = start_runtime("provisioner")
    serve_metrics(runtime.settings)
    from app.registry import DOMAINS

    asyncio.run(run(runtime, DOMAINS))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
