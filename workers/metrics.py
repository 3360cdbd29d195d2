"""Metrics of the background processes: a port of their own (`BERTH_METRICS_PORT`), and what only the database knows.

Every worker reads the figures of the whole installation; take the maximum over them, not the sum. Refuses to stop a
process: a port that is taken or a database that is away is logged.
"""

import asyncio

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from app.settings import Settings
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.outbox.figures import dead_letters_by_source, outbox_lag
from app.shared.telemetry.metrics import REGISTRY

EVERY_SECONDS = 15
WAITING = Gauge("berth_outbox_waiting_rows", "Outbox rows that are due and not sent", ("kind",), registry=REGISTRY)
OLDEST = Gauge("berth_outbox_oldest_seconds", "Age of the oldest of them", ("kind",), registry=REGISTRY)
DEAD = Gauge("berth_dead_letters", "Dead letters that wait for somebody", ("source",), registry=REGISTRY)
MEASURED = Gauge("berth_measured_timestamp_seconds", "When these figures were read", registry=REGISTRY)
JOB_SECONDS = Histogram(
    "berth_job_seconds", "Time of a job", ("job",), registry=REGISTRY, buckets=(0.01, 0.05, 0.25, 1, 5, 30, 120, 600)
)
JOB_FAILURES = Counter("berth_job_failures", "Jobs that raised", ("job",), registry=REGISTRY)

log = structlog.get_logger("workers")


def serve_metrics(settings: Settings) -> None:
    """Answer Prometheus on `BERTH_METRICS_PORT`, when that is set."""
    port = settings.metrics_port
    if port is None:
        return
    try:
        start_http_server(port, addr=settings.web.host, registry=REGISTRY)
    except OSError as error:
        log.warning("metrics are not served", port=port, error=type(error).__name__)


async def measure(runtime: Runtime) -> None:
    """Read the figures every 15 s, for as long as the process lives."""
    while True:
        try:
            await read_figures(runtime)
        except Exception as error:  # the old figures keep their time stamp, which says how old they are
            log.warning("figures could not be read", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)


async def read_figures(runtime: Runtime) -> None:
    """Once. Raises what the database raises."""
    async with runtime.context(SYSTEM) as ctx:
        lags, dead = await outbox_lag(ctx.session), await dead_letters_by_source(ctx.session)
        MEASURED.set((await ctx.now()).timestamp())
    for lag in lags:
        WAITING.labels(lag.kind).set(lag.rows)
        OLDEST.labels(lag.kind).set(lag.oldest_seconds)
    DEAD.clear()
    for source, rows in dead.items():
        DEAD.labels(source).set(rows)
