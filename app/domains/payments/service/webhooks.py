"""Stripe tells us something: verify, put it into the inbox with a job in one transaction, answer. A job does the rest.

Of a message we keep only the parts that we use: never names, addresses or cards.
"""

import re
from uuid import UUID

import msgspec

from app.context import Context
from app.domains.payments import repository
from app.domains.payments.contracts import ProcessEvent, RefundFacts, SessionFacts
from app.domains.payments.errors import BadEvent
from app.domains.payments.gateway import verify_signature
from app.domains.payments.repository import refunds as refund_rows
from app.domains.payments.service import refunds
from app.domains.payments.service.settle import fail_attempt, settle
from app.shared.ids import new_id
from app.shared.web import Contexts

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
SAFE_TEXT = re.compile(r"^[\x20-\x7e]{1,255}$")
KEPT = (
    "id", "object", "status", "payment_status", "amount_total", "currency", "client_reference_id", "payment_intent",
    "amount", "amount_refunded", "charge", "failure_reason",
)  # fmt: skip


class _Data(msgspec.Struct, frozen=True):
    thing: dict[str, object] = msgspec.field(default_factory=dict, name="object")  # `object` is a type


class _Event(msgspec.Struct, frozen=True):
    """The envelope of an event; what else is in it does not matter to us."""

    id: str
    type: str
    data: _Data = _Data()


async def receive(contexts: Contexts, secrets: list[str], body: bytes, signature: str | None) -> None:
    """Take a message in. Raises BadSignature, BadEvent. A message that came before is answered like a new one."""
    verify_signature(body, signature, secrets)
    try:
        event = msgspec.json.decode(body, type=_Event)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadEvent() from error
    if not (SAFE_TEXT.match(event.id) and SAFE_TEXT.match(event.type)):
        raise BadEvent()
    message_id = new_id()
    async with contexts() as ctx:
        kept = _reduce(event.data.thing)
        is_new = await repository.receive(ctx.session, message_id, event.id, event.type, kept, await ctx.now())
        if is_new:
            await ctx.enqueue(JOB, ProcessEvent(id=message_id), aggregate_id=_aggregate(kept, message_id))


def _reduce(thing: dict[str, object]) -> dict[str, object]:
    """The fields we use, when they are what they should be."""
    kept = {name: thing[name] for name in KEPT if _is_plain(thing.get(name))}
    metadata = thing.get("metadata")
    if isinstance(metadata, dict):
        kept |= {name: metadata[name] for name in OURS if _is_plain(metadata.get(name))}
    failure = thing.get("last_payment_error")
    if isinstance(failure, dict):
        code = failure.get("decline_code") or failure.get("code")
        if _is_plain(code):
            kept["failure"] = code
    return kept


OURS = ("berth_payment", "berth_refund")  # what we put into the metadata


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return SAFE_TEXT.match(value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def _aggregate(kept: dict[str, object], fallback: UUID) -> UUID:
    named = kept.get("berth_refund") or kept.get("berth_payment") or kept.get("client_reference_id")
    return _uuid(named) or fallback


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


async def process(ctx: Context, message_id: UUID) -> str:
    """Work one message off. Doing it again does nothing. Returns the outcome."""
    message = await repository.lock_message(ctx.session, message_id)
    if message is None:
        return "no such message"
    if message.processed_at is not None:
        return "already processed"
    outcome = await _apply(ctx, message)
    error = outcome if outcome.startswith(("mismatch", "unknown")) else None
    await repository.set_processed(ctx.session, message.id, outcome, error, await ctx.now())
    return outcome


async def _apply(ctx: Context, message: repository.Message) -> str:
    body = message.body
    if message.type in SESSION_EVENTS:
        facts = facts_of(body)
        payment_id = await repository.find_id_by_session(ctx.session, facts.session_id) or _uuid(facts.reference)
        return "unknown payment" if payment_id is None else await settle(ctx, payment_id, facts)
    if message.type in FAILED_EVENTS:
        payment_id = _uuid(body.get("berth_payment")) or _uuid(body.get("client_reference_id"))
        if payment_id is None:
            return "not about credit"
        return await fail_attempt(ctx, payment_id, str(body.get("failure") or "declined"))
    if message.type in REFUND_EVENTS:
        return await _apply_refund(ctx, body)
    if message.type == "charge.refunded":
        payment_id, refunded = _uuid(body.get("berth_payment")), body.get("amount_refunded")
        if payment_id is None or not isinstance(refunded, int):
            return "not about credit"
        return await refunds.reconcile_charge(ctx, payment_id, refunded)
    return "ignored"


async def _apply_refund(ctx: Context, body: dict[str, object]) -> str:
    """A refund that is not ours was made at Stripe itself: a person has to look."""
    facts = refund_facts_of(body)
    known = await refund_rows.find_id_by_stripe(ctx.session, facts.stripe_refund_id)
    refund_id = known or _uuid(facts.refund_id)
    return "unknown refund" if refund_id is None else await refunds.settle_refund(ctx, refund_id, facts)


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
    )


def facts_of(body: dict[str, object]) -> SessionFacts:
    """A Checkout session as the inbox keeps it."""
    texts = {name: value for name, value in body.items() if isinstance(value, str)}
    amount = body.get("amount_total")
    return SessionFacts(
        session_id=texts.get("id", ""),
        reference=texts.get("client_reference_id"),
        status=texts.get("status"),
        payment_status=texts.get("payment_status"),
        amount_cents=amount if isinstance(amount, int) else None,
        currency=texts.get("currency"),
        payment_intent_id=texts.get("payment_intent"),
    )
