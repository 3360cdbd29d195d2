"""Structured logs: JSON lines on standard output, each with the correlation id, each sanitized.

There is one way out of a process. What libraries log, what Python warns of and what nothing caught take it as well.
"""

import logging
import sys
import threading
from collections.abc import MutableMapping
from types import TracebackType
from typing import cast

import structlog

from app.shared.telemetry.repeats import Repeats
from app.shared.telemetry.sanitize import _by_key

KEPT = frozenset({"event", "level", "logger", "timestamp", "correlation_id"})


QUIET = (  # what they say of ordinary work holds addresses, arguments and queries
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "asyncssh",
    "temporalio",
    "saq",
    "nats",
    "stripe",
    "uvicorn.error",
    "websockets",
)
SILENT = ("uvicorn.access",)


class OneWayOut(logging.StreamHandler):  # type: ignore[type-arg]
    """Standard output. A line that cannot be written is not shown elsewhere instead, where nothing cleans it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log objects of SAQ and Temporal by name only, because a job's arguments may be private."""
        if record.name.startswith(("saq", "temporalio")) and isinstance(record.args, tuple):
            record.args = tuple(_called(value) for value in record.args)
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: there is no other way out."""


def _called(value: object) -> object:
    if isinstance(value, str | int | float | BaseException) or value is None:
        return value
    return str(getattr(value, "function", None) or type(value).__name__)


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
    handler = OneWayOut(sys.stdout)
    handler.addFilter(Repeats())
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
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in SILENT:
        logging.getLogger(name).disabled = True
    logging.captureWarnings(True)
    _take_uncaught()
    structlog.contextvars.bind_contextvars(service=service)


def _take_uncaught() -> None:
    log = logging.getLogger("berth.uncaught")

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("the process ends by an error", exc_info=(kind, error, trace))

    def in_thread(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None:
            log.error("a thread ended by an error", exc_info=(given.exc_type, given.exc_value, given.exc_traceback))

    def unraisable(given: "sys.UnraisableHookArgs") -> None:
        if given.exc_value is not None:
            log.error("an error that could not be raised", exc_info=given.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable
