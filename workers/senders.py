"""The relay's ways to SAQ and to Temporal. Both accept a row twice without a second effect worth naming.

A job is a hint and may run twice. Workflow ids are deterministic: a second start finds the first. A signal may arrive
twice when the relay dies between the call and the mark; workflows treat signals as "look again", not as counters.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec
from redis.exceptions import ConnectionError as ValkeyConnectionError
from redis.exceptions import TimeoutError as ValkeyTimeout
from saq.job import Job
from saq.queue import Queue
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from app.settings import TemporalSettings
from app.shared.manifest import CronSpec, Domain, JobSpec
from app.shared.outbox.row import OutboxRow, Unusable, VendorDown
from app.shared.outbox.tracing import sending
from app.shared.outbox.writer import OutboxKind, WorkflowCall
from app.shared.telemetry.spans import Kind, span

AT_ONCE = 16
JOB_HEARTBEAT = 12  # seconds; a running job whose worker was killed is found by its silence, not by its time-out
CALL_TIMEOUT = timedelta(seconds=5)
DOWN = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED})


def saq_job(spec: JobSpec | CronSpec, key: str, arguments: object, correlation_id: str | None) -> Job:
    """The SAQ job of `spec`. The library counts attempts, the spec counts attempts after the first."""
    return Job(
        function=spec.name,
        kwargs={"arguments": arguments, "correlation_id": correlation_id},
        key=key,
        timeout=spec.timeout,
        heartbeat=JOB_HEARTBEAT,
        retries=spec.retries + 1,
        retry_delay=1.0,
        retry_backoff=30.0,
        ttl=60,
    )


class JobSender:
    """Job rows become SAQ jobs with the row's id as key: a second enqueue of a waiting or running job does nothing."""

    kind = OutboxKind.JOB
    at_once = AT_ONCE

    def __init__(self, domains: Iterable[Domain], queues: Mapping[str, Queue]) -> None:
        self._jobs = {spec.name: spec for domain in domains for spec in domain.jobs}
        self._queues = queues

    async def prepare(self) -> bool:
        return False

    async def send(self, row: OutboxRow) -> "asyncio.Future[int | None]":
        return asyncio.ensure_future(self._enqueue(row))

    async def _enqueue(self, row: OutboxRow) -> None:
        spec = self._jobs.get(row.name)
        if spec is None:
            raise Unusable(f"no job is called {row.name}")
        arguments = msgspec.json.decode(row.payload)
        try:
            with sending(row, self.kind):
                await self._queues[spec.queue].enqueue(saq_job(spec, str(row.id), arguments, row.correlation_id))
        except (ValkeyConnectionError, ValkeyTimeout, OSError) as error:
            raise VendorDown(f"Valkey: {type(error).__name__}") from error

    async def close(self) -> None:
        """The queues belong to the worker."""


async def open_client(settings: TemporalSettings) -> Client:
    """A client of Temporal; with TLS its certificate is checked."""
    return await Client.connect(
        settings.address, namespace=settings.namespace, tls=settings.tls, api_key=settings.api_key
    )


class WorkflowSender:
    """Workflow rows become Temporal calls. The client is made when the first row needs it."""

    kind = OutboxKind.WORKFLOW
    at_once = AT_ONCE

    def __init__(self, settings: TemporalSettings, client: Client | None = None) -> None:
        self._settings = settings
        self._client = client

    async def prepare(self) -> bool:
        return False

    async def send(self, row: OutboxRow) -> "asyncio.Future[int | None]":
        return asyncio.ensure_future(self._call(row))

    async def _call(self, row: OutboxRow) -> None:
        call = msgspec.json.decode(row.payload, type=WorkflowCall)
        try:
            with sending(row, self.kind):
                await perform(await self._connect(), call, self._settings.task_queue)
        except RPCError as error:
            if error.status in DOWN:
                raise VendorDown(f"Temporal: {error.status.name.lower()}") from error
            raise

    async def _connect(self) -> Client:
        if self._client is None:
            try:
                async with asyncio.timeout(CALL_TIMEOUT.total_seconds()):
                    self._client = await open_client(self._settings)
            except (RuntimeError, OSError, TimeoutError) as error:
                raise VendorDown(f"Temporal: {type(error).__name__}") from error
        return self._client

    async def close(self) -> None:
        """The client has nothing to close."""


async def perform(client: Client, call: WorkflowCall, task_queue: str) -> None:
    """Make one call; what it asks for having happened already counts as done. Raises RPCError, Unusable.

    A workflow that ended badly may be started again under its id; one that runs or ended well is left alone.
    """
    if call.verb == "start":
        started = span(f"start {call.workflow}", Kind.CLIENT, mark=f"workflow:{call.workflow_id}")
        with started, contextlib.suppress(WorkflowAlreadyStartedError):
            await client.start_workflow(
                call.workflow,
                args=[] if call.argument is None else [call.argument],
                id=call.workflow_id,
                task_queue=task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                rpc_timeout=CALL_TIMEOUT,
            )
        return
    handle = client.get_workflow_handle(call.workflow_id)
    try:
        if call.verb == "signal":
            arguments = [] if call.argument is None else [call.argument]
            await handle.signal(call.signal, args=arguments, rpc_timeout=CALL_TIMEOUT)
        else:
            await handle.cancel(rpc_timeout=CALL_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
