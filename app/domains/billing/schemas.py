"""What the API answers about money. Amounts are micro-units (1.00 = 1000000), rates micro-units per hour."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from app.domains.billing.contracts import (
    BalanceView,
    CreditSummary,
    StatementsPage,
    TransactionPage,
    TransactionQuery,
    UsageReport,
    UsageSummary,
)
from app.web.shell import MoneyPill, money_pill

LEDGER_LIMIT = 200


class PillPage(msgspec.Struct, frozen=True):
    """The header's pill alone."""

    pill: MoneyPill

    @classmethod
    def of(cls, credit: CreditSummary, *, may_pay: bool) -> "PillPage":
        return cls(pill=money_pill(credit, may_pay=may_pay))


class BalanceAnswer(msgspec.Struct, frozen=True):
    """`available` = `credit` + `promotions` - `debt`; `empties_at` is null while nothing burns."""

    currency: str
    available: int
    credit: int
    promotions: int
    held: int
    burn_per_hour: int
    runway_seconds: int | None
    empties_at: datetime | None
    level: str
    running: int
    debt: int

    @classmethod
    def of(cls, view: BalanceView) -> "BalanceAnswer":
        return cls(
            view.currency,
            view.available,
            view.credit,
            view.promotions,
            view.held,
            view.burn_per_hour,
            view.runway_seconds,
            view.empties_at,
            view.level,
            view.running,
            view.debt,
        )


class TransactionAnswer(msgspec.Struct, frozen=True):
    """`change` to the organisation's money (holds included), `moved` into (+) or out of (-) a hold."""

    id: UUID
    kind: str
    reference: str
    cause_id: UUID
    occurred_at: datetime
    currency: str
    change: int
    moved: int
    correlation_id: str


class LedgerAnswer(msgspec.Struct, frozen=True):
    """Newest first. Ask again with `cursor` = `next_cursor` for older ones; null on the last page."""

    items: list[TransactionAnswer]
    next_cursor: UUID | None

    @classmethod
    def of(cls, page: TransactionPage) -> "LedgerAnswer":
        items = [
            TransactionAnswer(
                item.transaction_id,
                item.kind,
                item.reference,
                item.cause_id,
                item.occurred_at,
                item.currency,
                item.change,
                item.moved,
                item.correlation_id,
            )
            for item in page.items
        ]
        return cls(items, page.next_cursor)


def ledger_query(cursor: UUID | None, kind: str | None, cause: UUID | None, limit: int) -> TransactionQuery:
    """The filters of the request, with the limit kept in its bounds."""
    return TransactionQuery(before=cursor, kind=kind, cause_id=cause, limit=max(1, min(limit, LEDGER_LIMIT)))


class UsageLineAnswer(msgspec.Struct, frozen=True):
    """One machine inside the period."""

    allocation_id: UUID
    project_id: UUID
    sku_id: UUID
    name: str
    rate: int
    seconds: int
    amount: int
    running: bool


class UsageAnswer(msgspec.Struct, frozen=True):
    """Usage of [from, to), up to now; `total` is the sum of the lines."""

    from_at: datetime = msgspec.field(name="from")
    to_at: datetime = msgspec.field(name="to")
    currency: str
    total: int
    items: list[UsageLineAnswer]

    @classmethod
    def of(cls, report: UsageReport) -> "UsageAnswer":
        items = [
            UsageLineAnswer(
                line.allocation_id,
                line.project_id,
                line.sku_id,
                line.label,
                line.rate,
                line.seconds,
                line.amount,
                line.running,
            )
            for line in report.allocations
        ]
        return cls(report.from_at, report.to_at, report.currency, report.total, items)


class UsageLineOfAnswer(msgspec.Struct, frozen=True):
    """One day (`key` is its date), type, project or machine (`key` is its id)."""

    key: str
    name: str
    seconds: int
    gpu_seconds: int
    amount: int
    machines: int


class UsageSummaryAnswer(msgspec.Struct, frozen=True):
    """Usage of the days [from, to) in `time_zone`. Days come in order, also those without use; anything else dearest
    first. `total` is the sum of the lines, exactly."""

    by: str
    from_day: date = msgspec.field(name="from")
    to_day: date = msgspec.field(name="to")
    time_zone: str
    currency: str
    total: int
    seconds: int
    gpu_seconds: int
    items: list[UsageLineOfAnswer]

    @classmethod
    def of(cls, view: UsageSummary) -> "UsageSummaryAnswer":
        return cls(
            view.by,
            view.from_day,
            view.to_day,
            view.time_zone,
            view.currency,
            view.total,
            view.seconds,
            view.gpu_seconds,
            [msgspec.convert(line, UsageLineOfAnswer, from_attributes=True) for line in view.lines],
        )


class MonthAnswer(msgspec.Struct, frozen=True):
    """One month (`month` is its first day): opening + added - returned - charged = closing. `open` while it goes on."""

    month: date
    opening: int
    added: int
    returned: int
    charged: int
    closing: int
    is_open: bool = msgspec.field(name="open")


class StatementsAnswer(msgspec.Struct, frozen=True):
    """Newest first; empty before the first transaction."""

    currency: str
    time_zone: str
    items: list[MonthAnswer]

    @classmethod
    def of(cls, page: StatementsPage) -> "StatementsAnswer":
        items = [
            MonthAnswer(m.month, m.opening, m.added, m.returned, m.charged, m.closing, m.is_open) for m in page.months
        ]
        return cls(page.currency, page.time_zone, items)
