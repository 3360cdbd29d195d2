"""Answers of the API about money. Amounts are micro-units (1.00 = 1000000), rates micro-units per hour."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from app.domains.billing.contracts import BalanceView
from app.domains.billing.repository.transactions import Transaction, TransactionQuery
from app.domains.billing.service.costs import UsageReport
from app.domains.billing.service.statements import StatementsView
from app.domains.billing.service.usage import UsageSummary
from app.shared.paging import Slice

LEDGER_LIMIT = 200


class BalanceAnswer(msgspec.Struct, frozen=True):
    """`available` = `credit` + `promotions` - `debt`; `empties_at` is null without running charges."""

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
        return msgspec.convert(view, cls, from_attributes=True)


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
    def of(cls, page: Slice[Transaction, UUID]) -> "LedgerAnswer":
        items = [
            TransactionAnswer(
                id=row.transaction_id,
                kind=row.kind,
                reference=row.reference,
                cause_id=row.cause_id,
                occurred_at=row.occurred_at,
                currency=row.currency,
                change=row.change,
                moved=row.moved,
                correlation_id=row.correlation_id,
            )
            for row in page.items
        ]
        return cls(items, page.next_cursor)


def ledger_query(cursor: UUID | None, kind: str | None, cause: UUID | None, limit: int) -> TransactionQuery:
    """The filters of a request, with the limit clamped to its bounds."""
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
                allocation_id=machine.allocation_id,
                project_id=machine.project_id,
                sku_id=machine.sku_id,
                name=machine.label,
                rate=machine.rate,
                seconds=machine.seconds,
                amount=machine.amount,
                running=machine.running,
            )
            for machine in report.machines
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
    def of(cls, view: StatementsView) -> "StatementsAnswer":
        items = [
            MonthAnswer(m.month, m.opening, m.added, m.returned, m.charged, m.closing, m.is_open) for m in view.months
        ]
        return cls(view.currency, view.time_zone, items)
