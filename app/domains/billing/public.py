"""Billing's public API. Every call runs in the caller's Context, and so in the caller's transaction.

Calls that write take the lock of the tenant's account first: call them before you lock rows of your own.
"""

from app.domains.billing.service.accrual import accrue_running
from app.domains.billing.service.balances import (
    balance,
    credit_summary,
    hold_amount,
    is_exhausted,
    open_accounts,
    runway_after,
)
from app.domains.billing.service.costs import costs_of, receipt
from app.domains.billing.service.credit import post_adjustment, post_credit
from app.domains.billing.service.holds import place_hold, release_hold
from app.domains.billing.service.ledger import house_balances
from app.domains.billing.service.metering import burn_rates, start_metering, stop_metering, stop_metering_of
from app.domains.billing.service.refunds import (
    find_transaction_of,
    post_refund,
    post_withdrawal,
    return_refund,
    return_withdrawal,
)
from app.domains.billing.service.usage import spend
from app.domains.billing.service.verify import render_verify_report, verify_ledger

__all__ = [
    "accrue_running",
    "balance",
    "burn_rates",
    "costs_of",
    "credit_summary",
    "find_transaction_of",
    "hold_amount",
    "house_balances",
    "is_exhausted",
    "open_accounts",
    "place_hold",
    "post_adjustment",
    "post_credit",
    "post_refund",
    "post_withdrawal",
    "receipt",
    "release_hold",
    "render_verify_report",
    "return_refund",
    "return_withdrawal",
    "runway_after",
    "spend",
    "start_metering",
    "stop_metering",
    "stop_metering_of",
    "verify_ledger",
]
