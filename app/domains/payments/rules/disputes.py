"""Where a dispute leaves the money, and which of two reports about it is the later one."""

import msgspec

# docs.stripe.com/disputes/how-disputes-work: the bank has the money from the start of a dispute until it is won; an
# inquiry (`warning_…`) moves none.
WITHDRAWN = frozenset({"needs_response", "under_review", "appeal_needs_response", "appeal_under_review", "lost"})
KEPT = frozenset({"won", "prevented", "warning_needs_response", "warning_under_review", "warning_closed"})
CLOSED = frozenset({"won", "lost", "prevented", "warning_closed"})
# The order of states; it decides between reports of the same second.
ORDER = ("warning_needs_response", "warning_under_review", "needs_response", "under_review", *sorted(CLOSED))


class StripeDispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute as Stripe reports it; `reported_at` is the time of the report in Unix seconds."""

    stripe_dispute_id: str
    payment_intent_id: str | None
    status: str
    amount_cents: int | None
    currency: str | None
    reason: str
    reported_at: int


def status_after(event: str, status: str) -> str:
    """The status that an event means. An event about the funds overrides the status that it carries."""
    if event == "charge.dispute.funds_reinstated" and status != "lost":
        return "won"
    if event == "charge.dispute.funds_withdrawn" and status not in WITHDRAWN:
        return "needs_response"
    return status


def is_newer(known: tuple[int, str], reported: tuple[int, str]) -> bool:
    """Whether the reported (time, status) is later than the known one. In the same second the further state is
    later."""
    return (reported[0], _rank(reported[1])) >= (known[0], _rank(known[1]))


def _rank(status: str) -> int:
    return 4 if status in CLOSED else ORDER.index(status) if status in ORDER else 5
