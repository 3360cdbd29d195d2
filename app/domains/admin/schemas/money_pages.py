"""Pages of Money: payments, refunds, corrections, cases, webhooks, the ledger."""

from urllib.parse import urlencode
from uuid import UUID

import msgspec

from app.domains.admin.rules.values import AdjustmentView
from app.domains.admin.schemas.money import REFUND_STATUSES, STATUSES, RefundBody
from app.domains.admin.service.alone import AloneLeft
from app.domains.admin.service.ledger import LedgerReport
from app.domains.admin.service.refunds import PaymentDetail, RefundDetail
from app.domains.payments.contracts import (
    PAYMENT_STATES,
    REFUND_STATES,
    Case,
    InboxMessage,
    OperatorPayment,
    RefundView,
)
from app.shared.authz import Permission
from app.shared.authz.actor import Actor
from app.shared.authz.scope import may
from app.shared.paging import Slice
from app.shared.telemetry.sanitize import sanitize
from app.web.show_code import ApiCall, call

Chip = tuple[str, str, bool]
Tab = tuple[str, str, bool, int | None]
Looks = dict[str, tuple[str, str]]
PAYMENTS = "/admin/money"
REFUNDS = "/admin/money/refunds"
CORRECTIONS = "/admin/money/corrections"
CASES = "/admin/money/cases"
WEBHOOKS = "/admin/money/webhooks"
LEDGER = "/admin/money/ledger"
SECTIONS = {
    "Payments": PAYMENTS,
    "Refunds": REFUNDS,
    "Corrections": CORRECTIONS,
    "Cases": CASES,
    "Webhooks": WEBHOOKS,
    "Ledger": LEDGER,
}
LOOKS: Looks = {**PAYMENT_STATES, **REFUND_STATES}


class PaymentsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: tuple[OperatorPayment, ...]
    names: dict[str, str]
    looks: Looks
    search: str
    tabs: tuple[Tab, ...]
    chips: tuple[Chip, ...]
    first_href: str | None
    next_href: str | None

    @classmethod
    def of(
        cls,
        payments: Slice[OperatorPayment, UUID],
        names: dict[str, str],
        *,
        status: str,
        search: str,
        cursor: UUID | None,
    ) -> "PaymentsPage":
        query = {"state": status, "q": search}
        return cls(
            rows=payments.items,
            names=names,
            looks=LOOKS,
            search=search,
            tabs=_tabs(PAYMENTS),
            chips=_state_chips(PAYMENTS, STATUSES, query),
            first_href=_first_href(PAYMENTS, query, cursor),
            next_href=_next_href(PAYMENTS, query, payments.next_cursor),
        )


class PaymentPage(msgspec.Struct, frozen=True, kw_only=True):
    detail: PaymentDetail
    looks: Looks
    call: ApiCall

    @classmethod
    def of(cls, detail: PaymentDetail) -> "PaymentPage":
        body = RefundBody(amount=detail.refundable, reason="why")
        path = f"/api/v1/admin/payments/{detail.payment.id}/refunds"
        command = ("admin", "payments", "refund", str(detail.payment.id), "--reason", "why")
        return cls(detail=detail, looks=LOOKS, call=call("POST", path, body, cli=command))


class RefundsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: tuple[RefundView, ...]
    names: dict[str, str]
    looks: Looks
    tabs: tuple[Tab, ...]
    chips: tuple[Chip, ...]
    first_href: str | None
    next_href: str | None

    @classmethod
    def of(
        cls, refunds: Slice[RefundView, UUID], names: dict[str, str], *, status: str, cursor: UUID | None
    ) -> "RefundsPage":
        query = {"state": status}
        return cls(
            rows=refunds.items,
            names=names,
            looks=LOOKS,
            tabs=_tabs(REFUNDS),
            chips=_state_chips(REFUNDS, REFUND_STATUSES, query),
            first_href=_first_href(REFUNDS, query, cursor),
            next_href=_next_href(REFUNDS, query, refunds.next_cursor),
        )


class RefundPage(msgspec.Struct, frozen=True, kw_only=True):
    detail: RefundDetail
    look: tuple[str, str]

    @classmethod
    def of(cls, detail: RefundDetail) -> "RefundPage":
        return cls(detail=detail, look=LOOKS[detail.refund.status])


class CorrectionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """`alone`: what the actor may give without a second person; None when they may not correct at all."""

    rows: tuple[AdjustmentView, ...]
    names: dict[str, str]
    looks: Looks
    tenant: str
    alone: AloneLeft | None
    actor_id: UUID | None
    may_manage: bool
    tabs: tuple[Tab, ...]
    first_href: str | None
    next_href: str | None

    @classmethod
    def of(
        cls,
        corrections: Slice[AdjustmentView, UUID],
        names: dict[str, str],
        alone: AloneLeft | None,
        actor: Actor,
        *,
        tenant: str,
        cursor: UUID | None,
    ) -> "CorrectionsPage":
        return cls(
            rows=corrections.items,
            names=names,
            looks=LOOKS,
            tenant=tenant,
            alone=alone,
            actor_id=actor.id,
            may_manage=may(actor, Permission.PLATFORM_MONEY_MANAGE),
            tabs=_tabs(CORRECTIONS),
            first_href=_first_href(CORRECTIONS, {}, cursor),
            next_href=_next_href(CORRECTIONS, {}, corrections.next_cursor),
        )


class CasesPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: tuple[Case, ...]
    may_manage: bool
    tabs: tuple[Tab, ...]
    chips: tuple[Chip, ...]
    first_href: str | None
    next_href: str | None

    @classmethod
    def of(cls, cases: Slice[Case, UUID], actor: Actor, *, everything: str, cursor: UUID | None) -> "CasesPage":
        query = {"all": everything}
        return cls(
            rows=cases.items,
            may_manage=may(actor, Permission.PLATFORM_MONEY_MANAGE),
            tabs=_tabs(CASES),
            chips=(("Closed cases too", CASES if everything else f"{CASES}?all=1", bool(everything)),),
            first_href=_first_href(CASES, query, cursor),
            next_href=_next_href(CASES, query, cases.next_cursor),
        )


class WebhooksPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: tuple[InboxMessage, ...]
    tabs: tuple[Tab, ...]
    chips: tuple[Chip, ...]
    first_href: str | None
    next_href: str | None

    @classmethod
    def of(cls, messages: Slice[InboxMessage, UUID], *, trouble: str, cursor: UUID | None) -> "WebhooksPage":
        query = {"trouble": trouble}
        return cls(
            rows=messages.items,
            tabs=_tabs(WEBHOOKS),
            chips=(("Waiting or with errors", WEBHOOKS if trouble else f"{WEBHOOKS}?trouble=1", bool(trouble)),),
            first_href=_first_href(WEBHOOKS, query, cursor),
            next_href=_next_href(WEBHOOKS, query, messages.next_cursor),
        )


class WebhookPage(msgspec.Struct, frozen=True, kw_only=True):
    """The body is sanitized once more."""

    message: InboxMessage
    body: str
    may_manage: bool

    @classmethod
    def of(cls, message: InboxMessage, actor: Actor) -> "WebhookPage":
        return cls(
            message=message,
            body=msgspec.json.format(msgspec.json.encode(sanitize(message.body)), indent=2).decode(),
            may_manage=may(actor, Permission.PLATFORM_MONEY_MANAGE),
        )


class LedgerPage(msgspec.Struct, frozen=True, kw_only=True):
    tabs: tuple[Tab, ...]
    report: LedgerReport

    @classmethod
    def of(cls, report: LedgerReport) -> "LedgerPage":
        return cls(tabs=_tabs(LEDGER), report=report)


def _tabs(path: str) -> tuple[Tab, ...]:
    return tuple((label, href, href == path, None) for label, href in SECTIONS.items())


def _state_chips(path: str, states: tuple[str, ...], query: dict[str, str]) -> tuple[Chip, ...]:
    """A chip for each state; the one of the selected state leads back to all."""
    selected = query["state"]
    return tuple(
        (LOOKS[one][1], path + _query({**query, "state": "" if one == selected else one}), one == selected)
        for one in states
    )


def _first_href(path: str, query: dict[str, str], cursor: UUID | None) -> str | None:
    return path + _query(query) if cursor else None


def _next_href(path: str, query: dict[str, str], next_cursor: UUID | None) -> str | None:
    return path + _query({**query, "cursor": str(next_cursor)}) if next_cursor else None


def _query(values: dict[str, str]) -> str:
    filled = {name: value for name, value in values.items() if value}
    return f"?{urlencode(filled)}" if filled else ""
