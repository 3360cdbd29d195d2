"""Prometheus metrics, scraped from `/metrics`. Labels have few values: route templates, never paths with ids."""

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import choose_encoder

from app.shared.telemetry.spans import current_trace_id

REGISTRY = CollectorRegistry()
REQUEST_SECONDS = Histogram(
    "berth_request_seconds",
    "Time to answer a request",
    ("method", "route", "status"),
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ERRORS = Counter("berth_errors", "Errors answered, by code", ("code",), registry=REGISTRY)


def exemplar() -> dict[str, str] | None:
    """The trace behind a figure, when it is sampled. Scrapers that ask for OpenMetrics see it."""
    trace_id = current_trace_id()
    return {"trace_id": trace_id} if trace_id is not None else None


def exposition(accept: str = "") -> tuple[bytes, str]:
    """All metrics and their media type: OpenMetrics for whoever accepts it, else Prometheus' text format."""
    encode, media_type = choose_encoder(accept)
    return encode(REGISTRY), media_type
