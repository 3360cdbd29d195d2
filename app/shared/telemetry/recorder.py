"""OpenTelemetry's SDK: spans leave by OTLP over HTTP, in batches, from a thread of their own. Imported only when
BERTH_OTLP_URL is set.

What leaves has passed `sanitize`; of an exception only its name is told.
"""

import os
import secrets
import socket

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context
from opentelemetry.trace import Span as OtelSpan

from app.settings import TracingSettings
from app.shared.buildinfo import BUILD
from app.shared.telemetry.sanitize import sanitize
from app.shared.telemetry.spans import Attribute, Kind

SEND_SECONDS = 5
SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class GivenIds(IdGenerator):
    """The SDK asks for ids of what it starts; they were decided before. Used by one thread, between two statements."""

    trace_id = span_id = 1

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class OpenTelemetry:
    """The `Recorder` of a process. One story in `one_in` is sampled, by the low half of its id."""

    def __init__(self, processor: SpanProcessor, resource: Resource, one_in: int) -> None:
        self._ids, self._bound = GivenIds(), 2**64 // one_in
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, id_generator=self._ids)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("berth", BUILD.version)

    def is_sampled(self, trace_id: str) -> bool:
        return int(trace_id[16:], 16) < self._bound

    def start(self, kind: Kind, trace_id: str, span_id: str, parent_id: str | None) -> "StartedSpan":
        self._ids.trace_id, self._ids.span_id = int(trace_id, 16), int(span_id, 16)
        around = Context()
        if parent_id is not None:
            parent = SpanContext(int(trace_id, 16), int(parent_id, 16), is_remote=True, trace_flags=SAMPLED)
            around = set_span_in_context(NonRecordingSpan(parent), around)
        return StartedSpan(self._tracer.start_span("-", context=around, kind=SpanKind[kind.value]))

    def new_id(self) -> str:
        return f"{secrets.randbits(64) or 1:016x}"

    def close(self) -> None:
        self._provider.shutdown()


class StartedSpan:
    """One span of the SDK."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def end(self, name: str, attributes: dict[str, Attribute], error: str) -> None:
        self._span.update_name(name)
        for key, value in attributes.items():
            safe = sanitize({key: value})
            if isinstance(safe, dict):
                self._span.set_attribute(key, safe[key])
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def open_recorder(tracing: TracingSettings, service: str, env: str) -> OpenTelemetry:
    """Spans of this process go to the collector that the settings name. One that does not answer is logged."""
    exporter = OTLPSpanExporter(endpoint=f"{tracing.url}/v1/traces", timeout=SEND_SECONDS)
    return OpenTelemetry(BatchSpanProcessor(exporter), resource_of(service, env), tracing.one_in)


def resource_of(service: str, env: str) -> Resource:
    """Which process of which build: https://opentelemetry.io/docs/specs/semconv/resource."""
    return Resource(
        {
            "service.name": f"berth-{service}",
            "service.version": BUILD.version,
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            "deployment.environment.name": env,
            "vcs.ref.head.revision": BUILD.commit,
            "process.runtime.version": BUILD.python,
        }
    )
