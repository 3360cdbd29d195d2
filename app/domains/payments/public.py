"""The public API of payments, for the operator's console."""

from app.domains.payments.service.cases import decide_case, page_cases
from app.domains.payments.service.operators import (
    get_message,
    get_payment,
    get_refund,
    list_refunds_of,
    page_messages,
    page_payments,
    page_refunds,
    refundable_of,
    replay_message,
)
from app.domains.payments.service.refunds import approve_refund, check_refund, reject_refund, request_refund

__all__ = [
    "approve_refund",
    "check_refund",
    "decide_case",
    "get_message",
    "get_payment",
    "get_refund",
    "list_refunds_of",
    "page_cases",
    "page_messages",
    "page_payments",
    "page_refunds",
    "refundable_of",
    "reject_refund",
    "replay_message",
    "request_refund",
]
