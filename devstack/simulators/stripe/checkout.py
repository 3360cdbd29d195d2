"""The hosted Checkout page: shows a session, takes a card, plays the bank's 3-D Secure page, redirects.

Owns the browser's side. The session's id in the address is the only credential, as with the real page. A session is
charged at most once: whatever is posted after it is complete only repeats the redirect.
"""

from devstack.simulators.http import Request, Response, html_response, redirect
from devstack.simulators.stripe import cards, pages
from devstack.simulators.stripe.account import Account
from devstack.simulators.stripe.errors import StripeError
from devstack.simulators.stripe.models import Event, Intent, Session
from devstack.simulators.stripe.webhooks import Dispatcher


class CheckoutPage:
    """Answers `/c/pay/SESSION` and `/c/pay/SESSION/authenticate`."""

    def __init__(self, account: Account, dispatcher: Dispatcher) -> None:
        self._account = account
        self._dispatcher = dispatcher

    async def handle(self, request: Request) -> Response:
        """One page view or form post."""
        try:
            session = self._account.session(request.segments[2])
        except (StripeError, IndexError):
            return html_response(pages.message("Something went wrong", "This checkout page does not exist.", None), 404)
        match request.method, request.segments[3:]:
            case "GET", []:
                return self._show(session)
            case "POST", []:
                return await self._pay(session, request.form)
            case "GET", ["authenticate"]:
                return self._challenge(session)
            case "POST", ["authenticate"]:
                return await self._authenticate(session, request.form)
            case _:
                return Response(405 if request.segments[3:] in ([], ["authenticate"]) else 404)

    def _show(self, session: Session) -> Response:
        if session.status == "open":
            problem = self._last_failure(session)
            return html_response(pages.form(session, pages.Typed(), {}, problem))
        return self._closed(session)

    def _closed(self, session: Session) -> Response:
        if session.status == "complete":
            back = ("Return to the shop", self._success_url(session))
            text = f"{pages.money(session.total, session.currency)} was paid. Nothing more is charged."
            return html_response(pages.message("This checkout is paid", text, back))
        home = ("Return to the shop", session.cancel_url) if session.cancel_url else None
        return html_response(pages.message("This checkout has expired", "Your card was not charged.", home))

    async def _pay(self, session: Session, form: dict[str, str]) -> Response:
        if session.status == "complete":
            return redirect(self._success_url(session))
        if session.status != "open":
            return self._closed(session)
        card = cards.TypedCard(*(form.get(name, "").strip() for name in ("card_number", "expiry", "cvc", "name")))
        email = session.email or form.get("email", "").strip()
        problems = cards.problems(card, self._account.now())
        if "@" not in email:
            problems["email"] = "Enter your e-mail address."
        typed = pages.Typed(email=email, card_number=card.number, expiry=card.expiry, name=card.name)
        if problems:
            return html_response(pages.form(session, typed, problems, None), 422)
        before = self._event_ids()
        return await self._continue(session, self._account.pay(session, card, email), typed, before)

    async def _authenticate(self, session: Session, form: dict[str, str]) -> Response:
        if session.status != "open" or session.payment_intent is None:
            return redirect(self._success_url(session)) if session.status == "complete" else self._closed(session)
        before = self._event_ids()
        intent = self._account.finish_challenge(session, authenticated=form.get("answer") == "complete")
        return await self._continue(self._account.session(session.id), intent, None, before)

    async def _continue(
        self, session: Session, intent: Intent, typed: pages.Typed | None, before: set[str]
    ) -> Response:
        if intent.status == "requires_action":
            return redirect(f"/c/pay/{session.id}/authenticate")
        if intent.status != "succeeded":
            problem = intent.failure.message if intent.failure else None
            # After a declined card a plain page (so that a reload does not charge again) unless the form was just sent.
            if typed is None:
                return redirect(f"/c/pay/{session.id}")
            return html_response(pages.form(session, typed, {}, problem), 402)
        if self._account.faults.take("webhook_before_redirect") is not None:
            await self._dispatcher.settle(self._event_ids() - before)
        return redirect(self._success_url(session))

    def _challenge(self, session: Session) -> Response:
        if session.status != "open" or session.payment_intent is None:
            return self._closed(session) if session.status != "open" else redirect(f"/c/pay/{session.id}")
        intent = self._account.intent(session.payment_intent)
        if intent.pending_card is None:
            return redirect(f"/c/pay/{session.id}")
        return html_response(pages.challenge(session, intent.pending_card.last4))

    def _last_failure(self, session: Session) -> str | None:
        if session.payment_intent is None:
            return None
        failure = self._account.intent(session.payment_intent).failure
        return failure.message if failure else None

    def _event_ids(self) -> set[str]:
        return {event.id for event in self._account.store.all(Event)}

    def _success_url(self, session: Session) -> str:
        return session.success_url.replace("{CHECKOUT_SESSION_ID}", session.id)
