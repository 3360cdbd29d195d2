"""The spans of an outbox row on its way: written in a transaction, sent by the relay, received elsewhere. Each is the
parent of the next, by the row's id alone (`app/shared/telemetry/spans.py`)."""

from uuid import UUID

from app.shared.outbox.row import OutboxRow
from app.shared.outbox.writer import OutboxKind
from app.shared.telemetry.spans import Kind, Span, span
from app.shared.telemetry.trace import Trace


def sending(row: OutboxRow, kind: OutboxKind) -> Span:
    """The relay hands `row` to its vendor. What is tried again has a span of its own, and whoever receives it in the
    end goes on from the first."""
    mark = "" if row.attempts else f"sent:{row.id}"
    return span(f"send {kind}", Kind.PRODUCER, Trace(row.correlation_id), cause=f"outbox:{row.id}", mark=mark)


def receiving(name: str, trace: Trace, row_id: UUID | str) -> Span:
    """A consumer or a job takes what was row `row_id`; a periodic job was none. `name` is that of consumer or job."""
    return span(name, Kind.CONSUMER, trace, cause=f"sent:{row_id}" if row_id else "")
