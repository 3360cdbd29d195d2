"""Spans: what a story did, where, and for how long, in every process that it passes.

Nothing but ids that travel anyway joins the processes: the trace id is the correlation id, and the span that wrote,
sent or started something has an id made of that thing's own (`mark`), so that whoever receives it knows its parent
(`cause`). Whether a story is sampled follows from its id alone, so that every process decides alike.

Off (no BERTH_OTLP_URL) nothing of OpenTelemetry is imported and `span` gives back one object that does nothing.
"""

import hashlib
from contextvars import ContextVar, Token
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from app.settings import Settings
from app.shared.telemetry.trace import Trace, trace_id_of

Attribute = str | int | float | bool


class Kind(StrEnum):
    """As OpenTelemetry names them."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Started(Protocol):
    """A span of the recorder."""

    def end(self, name: str, attributes: dict[str, Attribute], error: str) -> None:
        """It is over; `error` is the kind of what was raised."""
        ...


class Recorder(Protocol):
    """Where spans go (`app/shared/telemetry/recorder.py`)."""

    def is_sampled(self, trace_id: str) -> bool:
        """Whether spans of this trace are kept."""
        ...

    def start(self, kind: Kind, trace_id: str, span_id: str, parent_id: str | None) -> Started:
        """Begin a span with these ids."""
        ...

    def new_id(self) -> str:
        """16 hexadecimal digits."""
        ...

    def close(self) -> None:
        """Send what is still here. Blocks for some seconds."""
        ...


class Span:
    """`with span(…) as it:`. An unrecorded one, of which there is one, does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def set(self, **attributes: Attribute) -> None:
        """Facts: counts, states, names of our own things. They pass `sanitize`."""

    def fail(self, error: str) -> None:
        """It ended badly without raising: a code or the name of an exception, no text."""


class RecordedSpan(Span):
    """One that is kept."""

    def __init__(self, recorder: Recorder, name: str, kind: Kind, ids: tuple[str, str, str | None]) -> None:
        self.trace_id, self.span_id, self._parent_id = ids
        self._recorder, self._name, self._kind = recorder, name, kind
        self._attributes: dict[str, Attribute] = {}
        self._error = ""
        self._token: Token[RecordedSpan | None] | None = None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        self._started = self._recorder.start(self._kind, self.trace_id, self.span_id, self._parent_id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started.end(self._name, self._attributes, self._error or (kind.__name__ if kind is not None else ""))
        try:
            if self._token is not None:
                _current.reset(self._token)
        except ValueError:  # the block was left in another context (a generator dependency's cleanup)
            _current.set(None)

    def set(self, **attributes: Attribute) -> None:
        self._attributes.update(attributes)

    def fail(self, error: str) -> None:
        self._error = error


UNRECORDED = Span()
_current: ContextVar[RecordedSpan | None] = ContextVar("berth_span", default=None)
_recorder: Recorder | None = None


def record(recorder: Recorder | None) -> None:
    """Send the spans of this process there; None ends it."""
    global _recorder
    _recorder = recorder


def begin(settings: Settings, service: str) -> None:
    """Record what this process does, where the settings name a collector."""
    if settings.tracing is not None:
        from app.shared.telemetry.recorder import open_recorder  # OpenTelemetry is slow to load

        record(open_recorder(settings.tracing, service, settings.env))


def close() -> None:
    """Send what is still here, and record no more."""
    recorder = _recorder
    record(None)
    if recorder is not None:
        recorder.close()


def span(name: str, kind: Kind = Kind.INTERNAL, trace: Trace | None = None, *, cause: str = "", mark: str = "") -> Span:
    """A span of `trace`, else of the story that is under way here; without either there is none.

    Its parent is the span that was marked with `cause`, else the one around it. `name` holds no id.
    """
    if _recorder is None:
        return UNRECORDED
    around = _current.get()
    if trace is None:
        if around is None:
            return UNRECORDED
        trace_id, parent = around.trace_id, around.span_id
    else:
        trace_id, parent = trace_id_of(trace.correlation_id), trace.parent_id or ""
        if not _recorder.is_sampled(trace_id):
            return UNRECORDED
        if around is not None and around.trace_id == trace_id:
            parent = around.span_id
    ids = (trace_id, _marked(mark) if mark else _recorder.new_id(), (_marked(cause) if cause else parent) or None)
    return RecordedSpan(_recorder, name, kind, ids)


def current_trace_id() -> str | None:
    """That of the story under way, when it is sampled: an exemplar of a metric."""
    around = _current.get()
    return around.trace_id if around is not None else None


def traceparent() -> dict[str, str]:
    """The header by which a service of ours goes on with this trace (W3C Trace Context §3.2)."""
    around = _current.get()
    return {} if around is None else {"traceparent": f"00-{around.trace_id}-{around.span_id}-01"}


def _marked(mark: str) -> str:
    return hashlib.sha256(mark.encode()).hexdigest()[:16]
