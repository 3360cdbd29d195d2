"""What the pages of Billing show, each built from a view of the domain. The usage page is in `schemas.usage`."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.billing.contracts import BalanceView, CreditSummary
from app.domains.billing.repository.transactions import LedgerLine
from app.domains.billing.rules.titles import title_of
from app.domains.billing.schemas.charts import balance_chart, burn_chart
from app.domains.billing.service.costs import MachineUsage
from app.domains.billing.service.history import HistoryView
from app.domains.billing.service.ledger import ExplainedTransaction, LedgerView
from app.domains.billing.service.overview import OverviewView
from app.domains.billing.service.statements import MonthStatement, StatementsView
from app.shared.money import Micro
from app.web.charts import Chart
from app.web.shell import MoneyPill, money_pill

ACCOUNTS = {
    "customer_credit": "Your credit",
    "customer_promotions": "Your promotional credit",
    "customer_held": "Held for this machine",
    "customer_debt": "Your debt",
    "disputes": "Disputed at your bank",
    "revenue": "Berth, for usage",
    "payment_clearing": "Card payments",
    "promotions_expense": "Berth, promotional credit",
    "refunds": "Refunds to the card",
    "write_off": "Berth, not charged to you",
}


class PillPage(msgspec.Struct, frozen=True):
    """The header's pill alone."""

    pill: MoneyPill

    @classmethod
    def of(cls, credit: CreditSummary, *, may_pay: bool) -> "PillPage":
        return cls(pill=money_pill(credit, may_pay=may_pay))


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger. `postings` is 0 when the line is a single transaction."""

    title: str
    href: str
    postings: int
    at: datetime
    moved: Micro
    change: Micro

    @classmethod
    def of(cls, line: LedgerLine) -> "LedgerRow":
        return cls(
            title=title_of(line.kind, line.label, line.cause_id),
            href=f"/billing/ledger/{line.transaction_id}",
            postings=line.postings if line.kind == "usage" else 0,
            at=line.last_at,
            moved=line.moved,
            change=line.change,
        )


class LedgerPage(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger. `older_href` is empty on the last page."""

    rows: tuple[LedgerRow, ...]
    currency: str
    older_href: str
    is_first_page: bool
    may_add_credit: bool

    @classmethod
    def of(cls, view: LedgerView, *, is_first_page: bool, may_add_credit: bool) -> "LedgerPage":
        return cls(
            rows=tuple(LedgerRow.of(line) for line in view.lines),
            currency=view.currency,
            older_href=f"/billing/ledger?cursor={view.next_cursor}" if view.next_cursor else "",
            is_first_page=is_first_page,
            may_add_credit=may_add_credit,
        )


class OverviewPage(msgspec.Struct, frozen=True, kw_only=True):
    """The overview. The charts are None when only the block "now" is rendered."""

    balance: BalanceView
    running: tuple[MachineUsage, ...]
    ledger: LedgerPage
    now: datetime
    balance_chart: Chart | None
    burn_chart: Chart | None

    @classmethod
    def of(cls, view: OverviewView, history: HistoryView | None, *, may_add_credit: bool) -> "OverviewPage":
        return cls(
            balance=view.balance,
            running=view.running,
            ledger=LedgerPage.of(view.ledger, is_first_page=True, may_add_credit=may_add_credit),
            now=view.now,
            balance_chart=balance_chart(history) if history else None,
            burn_chart=burn_chart(history) if history else None,
        )


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a transaction, with its account in words."""

    account: str
    entry_id: int
    amount: Micro


class ExplainPage(msgspec.Struct, frozen=True, kw_only=True):
    """Why a transaction exists. `cause_href` is empty when its cause has no page."""

    title: str
    explained: ExplainedTransaction
    entries: tuple[EntryRow, ...]
    cause_href: str
    cause_label: str

    @classmethod
    def of(cls, view: ExplainedTransaction) -> "ExplainPage":
        transaction = view.transaction
        href, label = _cause_link(transaction.kind, transaction.cause_id)
        return cls(
            title=title_of(transaction.kind, transaction.label, transaction.cause_id),
            explained=view,
            entries=tuple(
                EntryRow(account=ACCOUNTS[entry.account], entry_id=entry.entry_id, amount=entry.amount)
                for entry in view.entries
            ),
            cause_href=href,
            cause_label=label,
        )


class MonthRow(msgspec.Struct, frozen=True, kw_only=True):
    """One monthly statement, with the file of its usage."""

    title: str
    statement: MonthStatement
    usage_href: str

    @classmethod
    def of(cls, statement: MonthStatement) -> "MonthRow":
        return cls(
            title=f"{statement.month:%B %Y}",
            statement=statement,
            usage_href=f"/api/v1/usage.csv?from={statement.month}&to={statement.until}",
        )


class StatementsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Monthly statements, newest first."""

    currency: str
    time_zone: str
    months: tuple[MonthRow, ...]

    @classmethod
    def of(cls, view: StatementsView) -> "StatementsPage":
        months = tuple(MonthRow.of(statement) for statement in view.months)
        return cls(currency=view.currency, time_zone=view.time_zone, months=months)


def _cause_link(kind: str, cause_id: UUID) -> tuple[str, str]:
    if kind in ("usage", "hold", "hold_released"):
        return f"/machines/{cause_id}", "Open the machine"
    if kind == "payment":
        return f"/billing/credit/return?intent={cause_id}", "Open the payment"
    return "", ""
