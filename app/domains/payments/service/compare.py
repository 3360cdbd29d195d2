"""Compares payments with Stripe, after a restore or in doubt. Changes nothing on either side."""

from datetime import timedelta
from uuid import UUID

from app.domains.payments import repository
from app.domains.payments.contracts import SessionFacts
from app.domains.payments.gateway import StripeGateway
from app.domains.payments.repository import Payment
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.difference import Difference
from app.shared.formats import money
from app.shared.money import MICRO_PER_CENT, Micro
from app.shared.records import Unread


async def compare_payments(runtime: Runtime, stripe: StripeGateway, days: int) -> list[Difference]:
    """Checkout sessions of the last `days` that were paid there and are not credit here, and the other way round.

    Raises PaymentsUnavailable.
    """
    async with runtime.context(SYSTEM) as ctx:
        since = await ctx.now() - timedelta(days=days)
    sessions = await stripe.list_checkouts(since)
    paid = {facts.session_id: facts for facts in sessions if facts.payment_status == "paid"}
    async with runtime.context(SYSTEM) as ctx:
        rows = await repository.list_since(ctx.session, since - timedelta(days=1))
    by_session = {row.stripe_session_id: row for row in rows if row.stripe_session_id}
    by_id = {row.id: row for row in rows}
    found = [_missing(facts, by_session.get(key) or _named(facts, by_id)) for key, facts in sorted(paid.items())]
    unpaid = [
        _unpaid(row)
        for row in rows
        if row.status == "paid" and row.created_at >= since and row.stripe_session_id not in paid
    ]
    unread = [_unread(one) for one in stripe.unread]
    return [difference for difference in (*found, *unpaid, *unread) if difference is not None]


def _unread(record: Unread) -> Difference:
    return Difference(
        where="stripe",
        subject=record.about or "a session without an id",
        ours="was passed over",
        theirs=f"cannot be read: {record.problem}",
        advice="Look it up at Stripe; all others were compared.",
    )


def _named(facts: SessionFacts, rows: dict[UUID, Payment]) -> Payment | None:
    try:
        return rows.get(UUID(facts.reference or ""))
    except ValueError:
        return None


def _missing(facts: SessionFacts, row: Payment | None) -> Difference | None:
    if row is not None and row.status == "paid":
        return None
    amount = money(Micro((facts.amount_cents or 0) * MICRO_PER_CENT), (facts.currency or "").upper())
    return Difference(
        where="stripe",
        subject=facts.session_id,
        ours="no such payment" if row is None else f"payment {row.id} is {row.status}",
        theirs=f"paid, {amount}",
        advice="Credit the organisation with an adjustment that names the session, or refund it at Stripe."
        if row is None
        else "The sweeper credits it within minutes; look again then.",
    )


def _unpaid(row: Payment) -> Difference:
    return Difference(
        where="stripe",
        subject=row.stripe_session_id or str(row.id),
        ours=f"payment {row.id} is paid",
        theirs="not among the paid sessions",
        advice="Look the session up at Stripe: another account or mode, or money that never arrived.",
    )
