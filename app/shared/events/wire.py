"""The wire form of an event: `{"envelope": …, "data": …}`. Knows neither the broker nor the database."""

from uuid import UUID

import msgspec

from app.shared.events.base import CATALOGUE, SUBJECT_PREFIX, Envelope, Event, decode
from app.shared.outbox.row import OutboxRow
from app.shared.records import UNREADABLE

REDRIVE_PREFIX = "berth.redrive."


class Undecodable(Exception):
    """The message can never be understood, however often it comes: it goes to the dead letters at once."""


class UnknownEvent(Exception):
    """This process does not know the event; a newer one in the same fleet may."""


class _Message(msgspec.Struct, frozen=True):
    envelope: Envelope
    data: msgspec.Raw


class Redriven(msgspec.Struct, frozen=True):
    """A dead letter on its way back to one consumer: the original subject and bytes."""

    subject: str
    body: bytes  # base64 in JSON
    message_id: UUID


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Message)


def durable_name(consumer: str) -> str:
    """The name of a consumer at the broker, where dots have a meaning."""
    return consumer.replace(".", "_")


def redrive_subject(consumer: str) -> str:
    """Where only this consumer listens."""
    return REDRIVE_PREFIX + durable_name(consumer)


def aggregate_of(subject: str) -> str:
    """`billing.tenant` of `berth.v1.billing.tenant.exhausted`: versions are compared within it."""
    return subject.removeprefix(SUBJECT_PREFIX).rpartition(".")[0]


def encode(row: OutboxRow) -> bytes:
    """The message of an outbox row; a redriven one is sent as it is."""
    if row.name.startswith(REDRIVE_PREFIX):
        return row.payload.encode()
    envelope = Envelope(
        id=row.id,
        name=row.name,
        version=row.version,
        occurred_at=row.created_at,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
        tenant_id=row.tenant_id,
        project_id=row.project_id,
    )
    return _encoder.encode(_Message(envelope, msgspec.Raw(row.payload)))


def parse(subject: str, body: bytes) -> tuple[Envelope, Event]:
    """Envelope and event. Raises UnknownEvent for a subject without a class here, Undecodable for anything broken."""
    if subject not in CATALOGUE:
        raise UnknownEvent(subject)
    try:
        message = _decoder.decode(body)
        return message.envelope, decode(subject, bytes(message.data))
    except (*UNREADABLE, KeyError) as error:
        raise Undecodable(str(error)) from error


def unwrap(body: bytes) -> Redriven:
    """The dead letter inside a redriven message. Raises Undecodable."""
    try:
        return msgspec.json.decode(body, type=Redriven)
    except UNREADABLE as error:
        raise Undecodable(str(error)) from error
