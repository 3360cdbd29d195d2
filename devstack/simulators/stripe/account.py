"""The simulated merchant account: every state change of customers, sessions, intents, charges and refunds.

Owns the rules (what may be paid, expired, refunded) and writes each change together with its events and their
deliveries in one transaction. Amounts are minor units. It knows no HTTP and no HTML.
"""

import time
from collections.abc import Callable

import msgspec

from devstack.simulators.faults import Faults, seconds
from devstack.simulators.store import Store
from devstack.simulators.stripe import cards, render
from devstack.simulators.stripe.errors import StripeError, missing
from devstack.simulators.stripe.models import (
    CardDetails,
    Charge,
    Customer,
    Delivery,
    Dispute,
    Event,
    Failure,
    Intent,
    Refund,
    Session,
    new_id,
)

DISPUTE_SECONDS = 14 * 86_400  # to answer with evidence
DISPUTE_TOLD = {
    "won": ("closed", "funds_reinstated"),
    "lost": ("closed",),
    "warning_closed": ("closed",),
    "under_review": ("updated",),
    "needs_response": ("updated", "funds_withdrawn"),
}


class Account:
    """All resources of one account. `page_origin` is where the checkout page is served."""

    def __init__(
        self,
        store: Store,
        faults: Faults,
        page_origin: str,
        *,
        has_webhook: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.faults = faults
        self.now = now
        self.wake: Callable[[], None] = lambda: None
        self._page_origin = page_origin
        self._has_webhook = has_webhook

    # -- reading ---------------------------------------------------------------------------------------------------

    def customer(self, customer_id: str, param: str = "id") -> Customer:
        """Raises StripeError when unknown; so do the other three."""
        found = self.store.find(Customer, customer_id)
        if found is None:
            raise missing("customer", customer_id, param)
        return found

    def session(self, session_id: str) -> Session:
        """Also lets it expire when its time is over."""
        found = self.store.find(Session, session_id)
        if found is None:
            raise missing("checkout.session", session_id, "session")
        if found.status == "open" and found.expires_at <= self.now():
            self._expire(found)
        return found

    def intent(self, intent_id: str, param: str = "intent") -> Intent:
        """See `customer`."""
        found = self.store.find(Intent, intent_id)
        if found is None:
            raise missing("payment_intent", intent_id, param)
        return found

    def charge(self, charge_id: str, param: str = "charge") -> Charge:
        """See `customer`."""
        found = self.store.find(Charge, charge_id)
        if found is None:
            raise missing("charge", charge_id, param)
        return found

    def page_url(self, session: Session) -> str:
        """Where the buyer pays."""
        return f"{self._page_origin}/c/pay/{session.id}"

    def wire_session(self, session: Session) -> render.Wire:
        """The session as the API shows it."""
        return render.session(session, self.page_url(session))

    def wire_event(self, event: Event) -> render.Wire:
        """The event as the API and the webhook show it."""
        pending = [d for d in self.store.all(Delivery) if d.event == event.id and d.state != "delivered"]
        return render.event(event, len(pending))

    # -- changing --------------------------------------------------------------------------------------------------

    def add(self, document: Customer | Session) -> None:
        """Keep a new customer or session."""
        self.store.put(document.id, document)

    def expire(self, session_id: str) -> Session:
        """Close an open session. Raises StripeError when it is not open."""
        session = self.session(session_id)
        if session.status != "open":
            raise StripeError(
                'Only Checkout Sessions with a status in ["open"] can be expired.'
                f" This Checkout Session has a status of {session.status}."
            )
        self._expire(session)
        return session

    def expire_overdue(self) -> None:
        """Let every open session whose time is over expire."""
        for session in self.store.all(Session):
            if session.status == "open" and session.expires_at <= self.now():
                self._expire(session)

    def _expire(self, session: Session) -> None:
        session.status = "expired"
        with self.store.transaction():
            self.store.put(session.id, session)
            self._emit("checkout.session.expired", self.wire_session(session))
        self.wake()

    def pay(self, session: Session, typed: cards.TypedCard, email: str) -> Intent:
        """Try a card that passed `cards.problems` on an open session; the intent's status tells how it went."""
        month, year = cards.expiry_of(typed)
        card = CardDetails(
            brand=cards.brand(typed.digits),
            last4=typed.digits[-4:],
            exp_month=month,
            exp_year=year,
            name=typed.name.strip(),
            payment_method=new_id("pm"),
            email=email or None,
        )
        intent = self._intent_of(session)
        if self.faults.take("card_declined") is not None:
            return self._charge(session, intent, card, cards.GENERIC_DECLINE)
        if cards.needs_three_d_secure(typed.digits):
            intent.status, intent.failure = "requires_action", None
            intent.payment_method, intent.pending_card = card.payment_method, card
            with self.store.transaction():
                self.store.put(session.id, session)
                self.store.put(intent.id, intent)
            return intent
        return self._charge(session, intent, card, cards.outcome(typed.digits))

    def finish_challenge(self, session: Session, *, authenticated: bool) -> Intent:
        """The buyer answered the bank's 3-D Secure page. Nothing happens when no challenge is waiting."""
        intent = self.intent(session.payment_intent or "")
        card = intent.pending_card
        if intent.status != "requires_action" or card is None:
            return intent
        if authenticated:
            return self._charge(session, intent, card, None, three_d_secure=True)
        intent.status, intent.failure = "requires_payment_method", cards.AUTHENTICATION_FAILED
        intent.payment_method = intent.pending_card = None
        with self.store.transaction():
            self.store.put(intent.id, intent)
            self._emit("payment_intent.payment_failed", render.intent(intent))
        self.wake()
        return intent

    def refund(
        self,
        charge: Charge,
        amount: int | None,
        reason: str | None,
        metadata: dict[str, str],
        request: tuple[str, str | None],
    ) -> Refund:
        """Send `amount` (all that is left when None) back. `request` = (request id, idempotency key).

        Under the fault `refund_fails` the bank returns it: it is pending first and failed in an event right behind, as
        Stripe does for a card that was closed."""
        left = _refundable(charge, amount)
        refund = Refund(
            id=new_id("re"),
            created=int(self.now()),
            amount=left if amount is None else amount,
            currency=charge.currency,
            charge=charge.id,
            payment_intent=charge.payment_intent,
            reason=reason,
            metadata=metadata,
        )
        fails = self.faults.take("refund_fails") is not None
        if fails:
            refund.status = "pending"
        charge.amount_refunded += refund.amount
        with self.store.transaction():
            self.store.put(refund.id, refund)
            self.store.put(charge.id, charge)
            self._emit("refund.created", render.refund(refund), request)
            self._emit("charge.refunded", render.charge(charge), request)
            if fails:
                self._return_refund(charge, refund)
        self.wake()
        return msgspec.structs.replace(refund, status="pending", failure_reason=None) if fails else refund

    def fail_refund(self, refund_id: str) -> Refund:
        """The bank returns a refund that it had taken. Raises StripeError when unknown or failed already."""
        refund = self.store.find(Refund, refund_id)
        if refund is None or refund.status == "failed":
            raise missing("refund", refund_id, "refund")
        with self.store.transaction():
            self._return_refund(self.charge(refund.charge), refund)
        self.wake()
        return refund

    def dispute(self, charge: Charge, amount: int | None, reason: str, *, inquiry: bool) -> Dispute:
        """The card's holder disputes a charge: the money leaves at once, but for an inquiry."""
        dispute = Dispute(
            id=new_id("dp"),
            created=int(self.now()),
            amount=charge.amount - charge.amount_refunded if amount is None else amount,
            currency=charge.currency,
            charge=charge.id,
            payment_intent=charge.payment_intent,
            reason=reason,
            status="warning_needs_response" if inquiry else "needs_response",
            brand=charge.card.brand,
            due_by=int(self.now()) + DISPUTE_SECONDS,
        )
        charge.disputed = True
        with self.store.transaction():
            self.store.put(charge.id, charge)
            self._tell_dispute(dispute, "created", *(() if inquiry else ("funds_withdrawn",)))
        self.wake()
        return dispute

    def find_dispute(self, dispute_id: str) -> Dispute:
        """See `customer`."""
        found = self.store.find(Dispute, dispute_id)
        if found is None:
            raise missing("dispute", dispute_id, "dispute")
        return found

    def move_dispute(self, dispute_id: str, status: str) -> Dispute:
        """The bank decides, an inquiry becomes a chargeback, or the merchant accepts (`lost`). Raises StripeError."""
        dispute = self.find_dispute(dispute_id)
        told = DISPUTE_TOLD.get(status)
        if told is None or dispute.status in ("won", "lost", "warning_closed"):
            raise StripeError(f"This dispute is {dispute.status} and cannot become {status}.", param="dispute")
        dispute.status = status
        with self.store.transaction():
            self._tell_dispute(dispute, *told)
        self.wake()
        return dispute

    def _tell_dispute(self, dispute: Dispute, *kinds: str) -> None:
        self.store.put(dispute.id, dispute)
        for kind in kinds:
            self._emit(f"charge.dispute.{kind}", render.dispute(dispute))

    def _return_refund(self, charge: Charge, refund: Refund) -> None:
        """The bank did not take it: the charge counts as not refunded again."""
        refund.status, refund.failure_reason = "failed", "expired_or_canceled_card"
        charge.amount_refunded -= refund.amount
        self.store.put(refund.id, refund)
        self.store.put(charge.id, charge)
        self._emit("refund.failed", render.refund(refund))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _intent_of(self, session: Session) -> Intent:
        if session.payment_intent is not None:
            return self.intent(session.payment_intent)
        intent_id = new_id("pi")
        session.payment_intent = intent_id
        return Intent(
            id=intent_id,
            created=int(self.now()),
            client_secret=new_id(f"{intent_id}_secret"),
            amount=session.total,
            currency=session.currency,
            customer=session.customer,
            description=session.intent_description,
            receipt_email=session.receipt_email,
            metadata=session.intent_metadata,
        )

    def _charge(
        self,
        session: Session,
        intent: Intent,
        card: CardDetails,
        failure: Failure | None,
        *,
        three_d_secure: bool = False,
    ) -> Intent:
        charge = Charge(
            id=new_id("ch"),
            created=int(self.now()),
            amount=intent.amount,
            currency=intent.currency,
            customer=intent.customer,
            description=intent.description,
            receipt_email=intent.receipt_email,
            metadata=intent.metadata,
            payment_intent=intent.id,
            card=card,
            failure=failure,
            three_d_secure=three_d_secure,
        )
        intent.latest_charge, intent.failure, intent.pending_card = charge.id, failure, None
        intent.status = "requires_payment_method" if failure else "succeeded"
        intent.payment_method = None if failure else card.payment_method
        if failure is None:
            session.status, session.payment_status = "complete", "paid"
            session.email, session.customer_name = session.email or card.email, card.name
        self._keep(session, intent, charge)
        return intent

    def _keep(self, session: Session, intent: Intent, charge: Charge) -> None:
        """An attempt and its events, all or nothing."""
        with self.store.transaction():
            for document in (session, intent, charge):
                self.store.put(document.id, document)
            if charge.failure is not None:
                self._emit("charge.failed", render.charge(charge))
                self._emit("payment_intent.payment_failed", render.intent(intent))
            else:
                self._emit("charge.succeeded", render.charge(charge))
                self._emit("payment_intent.succeeded", render.intent(intent))
                self._emit("checkout.session.completed", self.wire_session(session))
        self.wake()

    def _emit(self, kind: str, wire: render.Wire, request: tuple[str | None, str | None] = (None, None)) -> None:
        event = Event(
            id=new_id("evt"),
            created=int(self.now()),
            type=kind,
            object=wire,
            request_id=request[0],
            idempotency_key=request[1],
        )
        self.store.put(event.id, event)
        if self._has_webhook:
            late = self.faults.take("webhook_late", type=kind)
            due = self.now() + (seconds(late, 5.0) if late is not None else 0.0)
            state = "lost" if self.faults.take("webhook_lost", type=kind) is not None else "pending"
            for _ in range(2 if self.faults.take("webhook_twice", type=kind) is not None else 1):
                delivery = Delivery(id=new_id("whd"), event=event.id, due=due, state=state)
                self.store.put(delivery.id, delivery)


def _refundable(charge: Charge, amount: int | None) -> int:
    """What is left of a charge. Raises StripeError when `amount` cannot go back."""
    left = charge.amount - charge.amount_refunded
    if charge.failure is not None:
        raise StripeError(f"Charge {charge.id} was not successful and cannot be refunded.", param="charge")
    if left == 0:
        raise StripeError(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    if amount is not None and amount < 1:
        raise StripeError("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount is not None and amount > left:
        raise StripeError(
            f"Refund amount (${amount / 100:,.2f}) is greater than unrefunded amount on charge (${left / 100:,.2f})",
            param="amount",
        )
    return left
