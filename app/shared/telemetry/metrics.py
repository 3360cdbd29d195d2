"""Prometheus metrics, scraped from `/metrics`. Labels have few values: route templates, never paths with ids."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REQUEST_SECONDS = Histogram(
    "berth_request_seconds",
    "Time to answer a request",
    ("method", "route", "status"),
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ERRORS = Counter("berth_errors", "Errors answered, by code", ("code",), registry=REGISTRY)


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
