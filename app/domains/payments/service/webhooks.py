"""Stripe tells us something: verify, put it into the inbox with a job in one transaction, answer. A job does the rest.

Of a message we keep only the parts that we use: never names, addresses or cards.
"""

import re
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from app.domains.payments import repository
from app.domains.payments.contracts import DisputeFacts, ProcessEvent, RefundFacts, SessionFacts
from app.domains.payments.errors import BadEvent
from app.domains.payments.gateway import verify_signature
from app.domains.payments.repository import outside as rows
from app.domains.payments.rules import cents, is_live
from app.domains.payments.service import cases, outside
from app.domains.payments.service.settle import fail_attempt, settle
from app.shared.context import Context, ContextFactory
from app.shared.ids import new_id
from app.shared.records import UNREADABLE, flag, whole

JOB = "payments.process_event"
SESSION_EVENTS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.expired",
        "checkout.session.async_payment_succeeded",
    }
)
FAILED_EVENTS = frozenset({"payment_intent.payment_failed", "checkout.session.async_payment_failed"})
REFUND_EVENTS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
DISPUTE_EVENTS = frozenset(
    f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
)
# About a payment's way, which its Checkout session tells as a whole.
TOLD_BY_SESSION = frozenset(
    {
        "charge.succeeded", "charge.failed", "charge.pending", "charge.captured", "charge.updated", "charge.expired",
        "payment_intent.created", "payment_intent.succeeded", "payment_intent.processing",
        "payment_intent.requires_action", "payment_intent.partially_funded",
        "payment_intent.amount_capturable_updated",
    }
)  # fmt: skip
# Of everything else, what may move customers' money is for a person to look at.
MONEY = ("charge.", "refund.", "payment_intent.", "checkout.session.")
LOOK = frozenset({"radar.early_fraud_warning.created", "radar.early_fraud_warning.updated", "review.opened"})
OPAQUE = re.compile(r"[^\x00-\x1f\x7f]{1,8192}")  # an id of Stripe's is kept exactly, whatever it looks like
KEPT = (
    "id", "object", "status", "payment_status", "currency", "client_reference_id", "payment_intent", "charge",
    "failure_reason", "mode", "reason",
)  # fmt: skip


class _Event(msgspec.Struct, frozen=True):
    """The envelope of an event; what else is in it does not matter to us. Its types are looked at where they matter."""

    id: object
    type: object
    data: object = None
    created: object = None
    livemode: object = None
    account: object = None  # set for events of connected accounts

    @property
    def thing(self) -> dict[str, object]:
        """What the event is about; nothing when that is no object."""
        found = self.data.get("object") if isinstance(self.data, dict) else None
        return found if isinstance(found, dict) else {}


async def receive(contexts: ContextFactory, secrets: list[str], body: bytes, signature: str | None) -> None:
    """Take a message in. Raises BadSignature, BadEvent. A message that came before is answered like a new one."""
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
        is_new = await repository.receive(ctx.session, message_id, str(event_id), kind, kept, await ctx.now())
        if is_new:
            await ctx.enqueue(JOB, ProcessEvent(id=message_id), aggregate_id=_aggregate(kept, message_id))


def _reduce(event: _Event) -> dict[str, object]:
    """The fields we use, when they are what they should be."""
    thing = event.thing
    kept = _plain_of(thing, KEPT)
    kept |= {name: value for name in AMOUNTS if (value := whole(thing.get(name))) is not None}
    metadata = thing.get("metadata")
    if isinstance(metadata, dict):
        kept |= _plain_of(metadata, OURS)
    failure = thing.get("last_payment_error")
    if isinstance(failure, dict):
        code = plain(failure.get("decline_code") or failure.get("code"))
        if code is not None:
            kept["failure"] = code
    modes = {mode for mode in (flag(event.livemode), flag(thing.get("livemode"))) if mode is not None}
    if modes:
        kept["livemode"] = True in modes
        kept["modes_differ"] = len(modes) > 1
    kept["event_created"] = whole(event.created) or 0
    kept["connected"] = event.account is not None
    return kept


AMOUNTS = ("amount_total", "amount", "amount_refunded")
OURS = ("berth_payment", "berth_refund", "berth_tenant")  # what we put into the metadata


def _plain_of(values: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    return {name: value for name in names if (value := plain(values.get(name))) is not None}


def plain(value: object) -> str | int | None:
    """A text or a whole number that a row can hold; None for anything else. An object that Stripe sent whole where it
    usually sends the id (an expanded field) stands for its id."""
    if isinstance(value, dict):
        value = value.get("id")
    if isinstance(value, str):
        return value if OPAQUE.fullmatch(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62 else None


def _aggregate(kept: dict[str, object], fallback: UUID) -> UUID:
    named = kept.get("berth_refund") or kept.get("berth_payment") or kept.get("client_reference_id")
    return _uuid(named) or fallback


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


async def process(ctx: Context, message_id: UUID) -> str:
    """Work one message off. Doing it again does nothing. Returns the outcome; one that does not add up, or that we do
    not know, is a case for the operators."""
    message = await repository.lock_message(ctx.session, message_id)
    if message is None:
        return "no such message"
    if message.processed_at is not None:
        return "already processed"
    outcome = await _apply(ctx, message)
    error = outcome if outcome.startswith(("mismatch", "unknown")) else None
    now = await ctx.now()
    if error is not None:
        await _open_case(ctx, message, error)
    else:  # one that came before its payment was settled has its effect now
        waited = f"{message.body.get('id') or message.event_id}:{outside.WAITS}"
        await rows.close_case(ctx.session, "unknown", waited, f"Its payment was settled: {outcome}.", now)
    await repository.set_processed(ctx.session, message.id, outcome, error, now)
    return outcome


async def _open_case(ctx: Context, message: repository.Message, error: str) -> None:
    body = message.body
    subject = f"{body.get('id') or message.event_id}:{error}"
    known = _uuid(body.get("berth_payment")) or _uuid(body.get("client_reference_id"))
    payment = await repository.find_payment(ctx.session, known) if known else None
    said = f"Stripe says {message.type}, and it does not fit what we know: {error}. It had no effect."
    await cases.open_case(ctx, error.partition(":")[0].partition(" ")[0], subject, said, payment)


async def _apply(ctx: Context, message: repository.Message) -> str:
    body, kind = message.body, message.type
    wrong = _not_ours(body, live=is_live(ctx.settings.stripe.secret_key))
    if wrong is not None:
        return wrong
    if kind in SESSION_EVENTS:
        facts = facts_of(body)
        payment_id = await repository.find_id_by_session(ctx.session, facts.session_id) or _uuid(facts.reference)
        return "unknown payment" if payment_id is None else await settle(ctx, payment_id, facts)
    if kind in FAILED_EVENTS:
        return await _apply_failure(ctx, kind, body)
    if kind in REFUND_EVENTS:
        return await outside.apply_refund(ctx, refund_facts_of(body))
    if kind == "charge.refunded":
        refunded, intent = body.get("amount_refunded"), _text(body.get("payment_intent"))
        if not isinstance(refunded, int):
            return "mismatch:charge without an amount"
        return await outside.reconcile_charge(ctx, intent, _uuid(body.get("berth_payment")), refunded)
    if kind in DISPUTE_EVENTS:
        return await outside.apply_dispute(ctx, kind, dispute_facts_of(body))
    if kind == "payment_intent.canceled":
        return await _apply_canceled(ctx, body)
    if kind in TOLD_BY_SESSION:
        return "told by its session"
    return "unknown type" if kind.startswith(MONEY) or kind in LOOK else "ignored"


def _not_ours(body: dict[str, object], *, live: bool) -> str | None:
    if body.get("connected"):
        return "mismatch:account"
    if body.get("modes_differ") or body.get("livemode", live) is not live:
        return "mismatch:livemode"
    return None


async def _apply_failure(ctx: Context, kind: str, body: dict[str, object]) -> str:
    """An attempt failed. About a payment that is paid by that very session it contradicts what was said before."""
    payment_id = _uuid(body.get("berth_payment")) or _uuid(body.get("client_reference_id"))
    payment = await repository.find_payment(ctx.session, payment_id) if payment_id else None
    if payment is None:
        return "not about credit"
    if body.get("berth_tenant") not in (None, str(payment.tenant_id)):
        return "mismatch:metadata"
    total = body.get("amount_total", body.get("amount"))
    if isinstance(total, int) and total != cents(payment.amount):
        return "mismatch:amount"
    is_session = kind.startswith("checkout.")
    if is_session and payment.stripe_session_id not in (None, body.get("id")):
        return "mismatch:session"
    if is_session and payment.status == "paid":
        return "mismatch:failed after it was paid"
    return await fail_attempt(ctx, payment.id, str(body.get("failure") or "declined"))


async def _apply_canceled(ctx: Context, body: dict[str, object]) -> str:
    """A payment intent ends without money; one that brought money cannot."""
    paid = await repository.find_id_by_intent(ctx.session, _text(body.get("id")) or "")
    return "told by its session" if paid is None else "mismatch:canceled after it was paid"


def dispute_facts_of(body: dict[str, object]) -> DisputeFacts:
    """A dispute as the inbox keeps it."""
    texts = {name: value for name, value in body.items() if isinstance(value, str)}
    amount, told_at = body.get("amount"), body.get("event_created")
    return DisputeFacts(
        stripe_dispute_id=texts.get("id", ""),
        payment_intent_id=texts.get("payment_intent"),
        status=texts.get("status", ""),
        amount_cents=amount if isinstance(amount, int) else None,
        currency=texts.get("currency"),
        reason=texts.get("reason", ""),
        told_at=told_at if isinstance(told_at, int) else 0,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def refund_facts_of(body: dict[str, object]) -> RefundFacts:
    """A refund as the inbox keeps it."""
    texts = {name: value for name, value in body.items() if isinstance(value, str)}
    amount = body.get("amount")
    return RefundFacts(
        stripe_refund_id=texts.get("id", ""),
        refund_id=texts.get("berth_refund"),
        status=texts.get("status"),
        failure_reason=texts.get("failure_reason"),
        amount_cents=amount if isinstance(amount, int) else None,
        currency=texts.get("currency"),
        payment_intent_id=texts.get("payment_intent"),
    )


def facts_of(body: dict[str, object]) -> SessionFacts:
    """A Checkout session as the inbox keeps it."""
    texts = {name: value for name, value in body.items() if isinstance(value, str)}
    amount, livemode = body.get("amount_total"), body.get("livemode")
    return SessionFacts(
        session_id=texts.get("id", ""),
        reference=texts.get("client_reference_id"),
        status=texts.get("status"),
        payment_status=texts.get("payment_status"),
        amount_cents=amount if isinstance(amount, int) else None,
        currency=texts.get("currency"),
        payment_intent_id=texts.get("payment_intent"),
        mode=texts.get("mode"),
        livemode=livemode if isinstance(livemode, bool) else None,
        payment=texts.get("berth_payment"),
        tenant=texts.get("berth_tenant"),
    )
