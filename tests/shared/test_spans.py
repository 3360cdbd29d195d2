"""Spans: none when off, the same stories in every process, nothing secret, and a collector that understands them."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.settings import TracingSettings
from app.shared.ids import new_id
from app.shared.manifest import JobSpec
from app.shared.outbox.row import OutboxRow
from app.shared.outbox.tracing import sending
from app.shared.outbox.writer import OutboxKind
from app.shared.telemetry import metrics, spans
from app.shared.telemetry.recorder import OpenTelemetry, open_recorder, resource_of
from app.shared.telemetry.spans import Kind, span, traceparent
from app.shared.telemetry.trace import Trace, new_trace, trace_id_of
from tests.architecture.source import ROOT
from workers.saq import run_spec

STORY = Trace("4bf92f3577b34da6a3ce929d0e0e4736")


def recording(one_in: int = 1) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    spans.record(OpenTelemetry(SimpleSpanProcessor(exporter), resource_of("test", "development"), one_in))
    return exporter


@pytest.fixture(autouse=True)
def off() -> Iterator[None]:
    yield
    spans.record(None)


def test_off_there_is_one_span_that_does_nothing_and_no_sdk_of_spans() -> None:
    with span("a", trace=STORY) as first, span("b") as second:
        assert first is second is spans.UNRECORDED
        assert (traceparent(), metrics.exemplar()) == ({}, None)
    program = (
        "import sys, app.asgi, app.registry, workers.saq, workers.provisioner\n"
        "sys.exit(any(name.startswith(('opentelemetry.sdk.trace', 'opentelemetry.exporter')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False).returncode == 0


def test_a_span_without_a_story_is_not_recorded() -> None:
    exporter = recording()
    with span("lonely"):
        pass
    assert exporter.get_finished_spans() == ()


@given(st.lists(st.text("0123456789abcdef", min_size=32, max_size=32), min_size=50, max_size=50, unique=True))
def test_whether_a_story_is_sampled_follows_from_its_id(ids: list[str]) -> None:
    one, other = (
        OpenTelemetry(SimpleSpanProcessor(InMemorySpanExporter()), resource_of(name, "x"), 4) for name in "ab"
    )
    every = OpenTelemetry(SimpleSpanProcessor(InMemorySpanExporter()), resource_of("c", "x"), 1)
    assert [one.is_sampled(trace_id) for trace_id in ids] == [other.is_sampled(trace_id) for trace_id in ids]
    assert all(every.is_sampled(trace_id) for trace_id in ids)


def test_about_one_in_a_hundred_new_stories_is_sampled() -> None:
    recorder = OpenTelemetry(SimpleSpanProcessor(InMemorySpanExporter()), resource_of("a", "x"), 100)
    kept = sum(recorder.is_sampled(trace_id_of(new_trace().correlation_id)) for _ in range(20_000))
    assert 120 <= kept <= 290  # 200 expected, six standard deviations


@pytest.mark.parametrize(
    "header",
    ["", "00", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "00-" + "1" * 32 + "-" + "0" * 16 + "-01",
     "00-" + "A" * 32 + "-" + "1" * 16 + "-01", "00-" + "1" * 32 + "-" + "1" * 16 + "-01\n", "ff-x-y-z"],
)  # fmt: skip
def test_what_is_no_traceparent_begins_a_story_of_its_own(header: str) -> None:
    trace = new_trace(None, header)
    assert (len(trace.correlation_id), trace.parent_id) == (32, None)
    assert trace.correlation_id not in header


def test_a_story_that_a_client_named_is_one_trace_everywhere() -> None:
    assert trace_id_of("my-request-0001") == trace_id_of("my-request-0001") != trace_id_of("my-request-0002")
    assert trace_id_of(STORY.correlation_id) == STORY.correlation_id


def test_nothing_secret_leaves_and_of_an_error_only_its_name() -> None:
    exporter = recording()

    def call() -> None:
        with span("call", Kind.CLIENT, STORY) as it:
            it.set(token="abc", place="mail ada@acme.example", count=3)
            raise ValueError("sk_live_0123456789abcdef")

    with pytest.raises(ValueError, match="sk_live"):
        call()
    (done,) = exporter.get_finished_spans()
    assert done.attributes == {"token": "[removed]", "place": "mail [removed]", "count": 3, "error.type": "ValueError"}
    assert (done.status.status_code.name, done.status.description, done.events) == ("ERROR", None, ())


async def test_a_job_goes_on_from_the_row_that_asked_for_it() -> None:
    exporter = recording()
    row = OutboxRow(
        new_id(), datetime.now(UTC), "probe.job", UUID(int=1), 1, 0, "{}", None, None, STORY.correlation_id, None, 0
    )
    with span("transaction", trace=STORY), span("outbox job", Kind.PRODUCER, STORY, mark=f"outbox:{row.id}"):
        pass
    with sending(row, OutboxKind.JOB):
        header = traceparent()["traceparent"]

    async def work(_runtime: object, _arguments: object) -> None:
        with span("work"):
            pass

    spec = JobSpec(name="probe.job", run=work, queue="default", timeout=5, retries=0)  # type: ignore[arg-type]
    job = SimpleNamespace(key=str(row.id), heartbeat=60)
    await run_spec(None, spec)({"job": job}, arguments={}, correlation_id=row.correlation_id)  # type: ignore[arg-type]
    by_id = {done.context.span_id: done for done in exporter.get_finished_spans()}
    path, at = [], next(done for done in by_id.values() if done.name == "work")
    while at is not None:
        path.append(at.name)
        at = by_id.get(at.parent.span_id) if at.parent else None
    assert path == ["work", "job probe.job", "send job", "outbox job", "transaction"]
    assert header.startswith(f"00-{STORY.correlation_id}-")


def test_a_collector_gets_them_with_the_build_that_made_them() -> None:
    received: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            assert self.path == "/otel/v1/traces"
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        tracing = TracingSettings(url=f"http://127.0.0.1:{server.server_port}/otel", one_in=1)
        spans.record(open_recorder(tracing, "web", "production"))
        with span("GET /catalog", Kind.SERVER, STORY):
            pass
        spans.close()
        server.shutdown()
        thread.join()
    (resource,) = received[0].resource_spans
    about = {entry.key: entry.value.string_value for entry in resource.resource.attributes}
    assert (about["service.name"], about["deployment.environment.name"]) == ("berth-web", "production")
    (sent,) = resource.scope_spans[0].spans
    assert (sent.name, sent.trace_id.hex()) == ("GET /catalog", STORY.correlation_id)


def test_a_figure_names_a_trace_to_who_asks_for_openmetrics() -> None:
    recording()
    with span("GET /x", Kind.SERVER, STORY):
        metrics.REQUEST_SECONDS.labels("GET", "/x", "200").observe(0.02, metrics.exemplar())
    content, kind = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert f'trace_id="{STORY.correlation_id}"'.encode() in content
    plain, kind = metrics.exposition("text/plain")
    assert kind.startswith("text/plain")
    assert b"trace_id" not in plain
