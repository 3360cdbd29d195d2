"""Structured logs: JSON lines on standard output, each with the correlation id, each sanitized."""

import logging
import sys
from collections.abc import MutableMapping
from typing import cast

import structlog

from app.shared.telemetry.sanitize import _by_key

KEPT = frozenset({"event", "level", "logger", "timestamp", "correlation_id"})


def _sanitize_event(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    for key in list(event):
        event[key] = event[key] if key in KEPT - {"event"} else _by_key("" if key == "event" else key, event[key], 0)
    return event


def configure_logs(service: str, level: int = logging.INFO) -> None:
    """Route structlog and the standard library through one chain that ends in `sanitize`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        cast(structlog.typing.Processor, _sanitize_event),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in (
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "asyncssh",
        "temporalio.activity",
        "saq",
        "nats",
        "stripe",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)
