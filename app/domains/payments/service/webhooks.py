"""Receives Stripe's webhooks: verify, store the message with a job in one transaction, and answer.

Only the parts of a message that Berth uses are stored: never names, addresses or cards.
"""

import re
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from app.domains.payments.errors import BadEvent
from app.domains.payments.gateway import verify_signature
from app.domains.payments.repository.inbox import InboxRepository
from app.shared.context import Context, ContextFactory
from app.shared.ids import new_id
from app.shared.records import UNREADABLE, flag, whole

PROCESS_JOB = "payments.process_event"
OPAQUE = re.compile(r"[^\x00-\x1f\x7f]{1,8192}")  # an id of Stripe's is kept exactly, whatever it looks like
FIELDS = (
    "id", "object", "status", "payment_status", "currency", "client_reference_id", "payment_intent", "charge",
    "failure_reason", "mode", "reason",
)  # fmt: skip
AMOUNTS = ("amount_total", "amount", "amount_refunded")
METADATA = ("berth_payment", "berth_refund", "berth_tenant")  # what Berth wrote into it


class ProcessEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A job: process one message of the inbox."""

    id: UUID


class _Event(msgspec.Struct, frozen=True):
    """The envelope of an event. Types are checked where a field is used."""

    id: object
    type: object
    data: object = None
    created: object = None
    livemode: object = None
    account: object = None  # set for events of connected accounts

    @property
    def subject(self) -> dict[str, object]:
        """The object that the event is about; empty when there is none."""
        subject = self.data.get("object") if isinstance(self.data, dict) else None
        return subject if isinstance(subject, dict) else {}


async def receive(contexts: ContextFactory, secrets: list[str], body: bytes, signature: str | None) -> None:
    """Store a message. A message that came before is answered like a new one. Raises BadSignature, BadEvent."""
    verify_signature(body, signature, secrets)
    try:
        event = msgspec.json.decode(body, type=_Event)
    except UNREADABLE as error:
        raise BadEvent() from error
    event_id, kind = plain(event.id), plain(event.type)
    if not isinstance(kind, str) or event_id is None:
        raise BadEvent()
    message_id = new_id()
    async with contexts() as ctx:
        kept = _reduce(event)
        inbox = InboxRepository(ctx.session)
        if await inbox.append(message_id, str(event_id), kind, kept, await ctx.now()):
            await enqueue(ctx, message_id, _aggregate(kept) or message_id)


async def enqueue(ctx: Context, message_id: UUID, aggregate_id: UUID) -> None:
    """Have a message processed by a job."""
    await ctx.enqueue(PROCESS_JOB, ProcessEvent(id=message_id), aggregate_id=aggregate_id)


def _reduce(event: _Event) -> dict[str, object]:
    """The fields that Berth uses, where they have the expected type."""
    subject = event.subject
    kept = _plain_fields(subject, FIELDS)
    kept |= {name: value for name in AMOUNTS if (value := whole(subject.get(name))) is not None}
    metadata = subject.get("metadata")
    if isinstance(metadata, dict):
        kept |= _plain_fields(metadata, METADATA)
    failure = subject.get("last_payment_error")
    if isinstance(failure, dict):
        code = plain(failure.get("decline_code") or failure.get("code"))
        if code is not None:
            kept["failure"] = code
    modes = {mode for mode in (flag(event.livemode), flag(subject.get("livemode"))) if mode is not None}
    if modes:
        kept["livemode"] = True in modes
        kept["modes_differ"] = len(modes) > 1
    kept["event_created"] = whole(event.created) or 0
    kept["connected"] = event.account is not None
    return kept


def _plain_fields(values: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    return {name: value for name in names if (value := plain(values.get(name))) is not None}


def plain(value: object) -> str | int | None:
    """A text or a whole number that a row can hold; None for anything else. An expanded object stands for its id."""
    if isinstance(value, dict):
        value = value.get("id")
    if isinstance(value, str):
        return value if OPAQUE.fullmatch(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62 else None


def _aggregate(kept: Mapping[str, object]) -> UUID | None:
    named = kept.get("berth_refund") or kept.get("berth_payment") or kept.get("client_reference_id")
    return parse_id(named)


def parse_id(value: object) -> UUID | None:
    """An id of Berth's in a field of Stripe's; None for anything else."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
