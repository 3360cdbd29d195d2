"""Compares payments with Stripe, for example after a restore. Changes nothing on either side."""

from datetime import timedelta
from uuid import UUID

from app.domains.payments.gateway import StripeGateway
from app.domains.payments.repository.payments import Payment, PaymentRepository
from app.domains.payments.rules.amounts import from_cents
from app.domains.payments.rules.sessions import CheckoutSession
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.difference import Difference
from app.shared.formats import money
from app.shared.records import Unread


async def compare_payments(runtime: Runtime, stripe: StripeGateway, days: int) -> list[Difference]:
    """Checkout sessions of the last `days` that are paid at Stripe and not here, and the reverse. Raises
    PaymentsUnavailable."""
    async with runtime.context(SYSTEM) as ctx:
        since = await ctx.now() - timedelta(days=days)
    sessions = await stripe.list_checkouts(since)
    paid = {session.session_id: session for session in sessions if session.is_paid}
    async with runtime.context(SYSTEM) as ctx:
        rows = await PaymentRepository(ctx.session).list_since(since - timedelta(days=1))
    by_session = {row.stripe_session_id: row for row in rows if row.stripe_session_id}
    by_id = {row.id: row for row in rows}
    missing = [
        _missing(session, by_session.get(key) or _referenced(session, by_id)) for key, session in sorted(paid.items())
    ]
    unpaid = [
        _unpaid(row)
        for row in rows
        if row.status == "paid" and row.created_at >= since and row.stripe_session_id not in paid
    ]
    unread = [_unread(record) for record in stripe.unread]
    return [difference for difference in (*missing, *unpaid, *unread) if difference is not None]


def _unread(record: Unread) -> Difference:
    return Difference(
        where="stripe",
        subject=record.about or "a session without an id",
        ours="was skipped",
        theirs=f"cannot be read: {record.problem}",
        advice="Look it up at Stripe. All other sessions were compared.",
    )


def _referenced(session: CheckoutSession, rows: dict[UUID, Payment]) -> Payment | None:
    try:
        return rows.get(UUID(session.reference or ""))
    except ValueError:
        return None


def _missing(session: CheckoutSession, row: Payment | None) -> Difference | None:
    if row is not None and row.status == "paid":
        return None
    amount = money(from_cents(session.amount_cents), (session.currency or "").upper())
    return Difference(
        where="stripe",
        subject=session.session_id,
        ours="no such payment" if row is None else f"payment {row.id} is {row.status}",
        theirs=f"paid, {amount}",
        advice="Credit the organisation with an adjustment that names the session, or refund it at Stripe."
        if row is None
        else "The sweeper credits it within minutes; compare again then.",
    )


def _unpaid(row: Payment) -> Difference:
    return Difference(
        where="stripe",
        subject=row.stripe_session_id or str(row.id),
        ours=f"payment {row.id} is paid",
        theirs="not among the paid sessions",
        advice="Look the session up at Stripe: another account or mode, or money that never arrived.",
    )
