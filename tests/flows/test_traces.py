"""One launch is one trace: from the request through outbox, NATS, jobs and Temporal to MAAS and the machine by SSH."""

import contextlib
import re
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.registry import DOMAINS
from app.shared.context import Runtime
from app.shared.events.jetstream import JetStream
from app.shared.events.publisher import EventSender
from app.shared.outbox.marks import rewind
from app.shared.outbox.pool import RelayPool
from app.shared.outbox.row import Sender
from app.shared.telemetry import spans
from app.shared.telemetry.recorder import OpenTelemetry, resource_of
from tests.domains.provisioning.world import provisioner, small_cloud
from tests.fixtures.app import Browser
from tests.fixtures.relay import running, until
from workers.consumers import Consumers
from workers.relay import Relay
from workers.senders import WorkflowSender

pytestmark = [pytest.mark.commits]
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{12}")
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

REQUEST = (CALLER, "POST /api/v1/allocations", "transaction")
WORKFLOW = (*REQUEST, "outbox workflow", "send workflow", "start ProvisionAllocation")
EXPECTED = {
    (*REQUEST, "outbox event", "send event", "process notification-live", "transaction"),
    (*WORKFLOW, "activity provisioning.place", "transaction", "outbox event", "send event"),
    (*WORKFLOW, "activity provisioning.deploy", "maas allocate"),
    (*WORKFLOW, "activity provisioning.deploy", "maas deploy"),
    (*WORKFLOW, "activity provisioning.configure", "ssh connect"),
    (*WORKFLOW, "activity provisioning.probe", "ssh run"),
    (*WORKFLOW, "activity provisioning.activate", "transaction", "outbox event", "send event",
     "process notification-feed", "transaction"),
}  # fmt: skip


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    spans.record(OpenTelemetry(SimpleSpanProcessor(exporter), resource_of("test", "development"), 1))
    yield exporter
    spans.record(None)


class Tree:
    """Spans of one trace by what leads to them."""

    def __init__(self, found: Sequence[ReadableSpan]) -> None:
        self._by_id = {span.context.span_id: span for span in found}

    def paths(self) -> set[tuple[str, ...]]:
        """The names from the root to each span. A parent that is not there is "?"."""
        return {self._path(span) for span in self._by_id.values()}

    def _path(self, span: ReadableSpan) -> tuple[str, ...]:
        parent = span.parent
        if parent is None:
            return (span.name,)
        above = self._by_id.get(parent.span_id)
        start = (f"{parent.span_id:016x}",) if above is None else self._path(above)
        return (*start, span.name)


def relay(runtime: Runtime, nats_url: str) -> Relay:
    """The relay with its ways to NATS and Temporal."""
    settings = runtime.settings

    def senders(pool: RelayPool) -> Sequence[Sender]:
        stream = JetStream(nats_url, "test-relay")
        return (
            EventSender(stream, lambda last, seconds: rewind(pool, last, seconds)),
            WorkflowSender(settings.temporal),
        )

    return Relay(settings.database.url, runtime.valkey, senders)


async def test_a_launch_is_one_tree(runtime, temporal_server, nats, sign_in_as, tmp_path, exported) -> None:
    ada: Browser = await sign_in_as("ada")
    async with small_cloud(runtime, tmp_path) as world:
        await world.stock(of=ada.actor)
        runtime.settings = msgspec.structs.replace(runtime.settings, nats_url=nats.url)
        async with (
            provisioner(world, temporal_server.url),
            running(relay(runtime, nats.url), Consumers(runtime, DOMAINS)),
        ):
            answer = await ada.client.post(
                "/api/v1/allocations",
                json={"sku": "l40sx4", "image": "ubuntu-24.04", "name": "train-07"},
                headers={
                    "sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf, "x-idempotency-key": "launch-0001",
                    "traceparent": f"00-{TRACE}-{CALLER}-01",
                },
            )  # fmt: skip
            assert (answer.status_code, answer.headers["x-correlation-id"]) == (201, TRACE), answer.text
            allocation_id = answer.json()["allocation_id"]
            await world.until(allocation_id, "active")
            with contextlib.suppress(TimeoutError):
                await until(lambda: _is_whole(exported), seconds=20)
    paths = Tree(spans_of(exported)).paths()
    assert EXPECTED - paths == set()
    assert {path[0] for path in paths} == {CALLER}, "a span without its parent"
    told = [f"{span.name} {dict(span.attributes or {})}" for span in spans_of(exported)]
    assert [text for text in told if "train-07" in text or ID.search(text) or ada.csrf in text] == []


def spans_of(exported: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in exported.get_finished_spans() if f"{span.context.trace_id:032x}" == TRACE]


async def _is_whole(exported: InMemorySpanExporter) -> bool:
    return Tree(spans_of(exported)).paths() >= EXPECTED
