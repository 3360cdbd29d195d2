"""Commands and views that cross billing's border. Amounts are micro-units, rates micro-units per hour, instants UTC."""

from datetime import date, datetime
from typing import Literal, NewType
from uuid import UUID

import msgspec

from app.shared.money import Micro, RateMicroPerHour

TransactionId = NewType("TransactionId", UUID)
CreditSource = Literal["payment", "promotion"]
UsageBy = Literal["day", "sku", "project", "machine"]
Level = Literal["fine", "notice", "warning", "critical", "exhausted"]


class PlaceHold(msgspec.Struct, frozen=True, kw_only=True):
    """Set `amount` aside for one allocation with `gpus` GPUs. `label` is its name, as the ledger page shows it."""

    tenant_id: UUID
    project_id: UUID
    allocation_id: UUID
    amount: Micro
    label: str = ""
    gpus: int = 0


class StartMetering(msgspec.Struct, frozen=True, kw_only=True):
    """Bill `allocation_id` from `at` on. The rate is fixed for the whole life: a later price never rewrites it."""

    tenant_id: UUID
    project_id: UUID
    allocation_id: UUID
    sku_id: UUID
    price_version_id: UUID
    rate: RateMicroPerHour
    at: datetime


class StopMetering(msgspec.Struct, frozen=True, kw_only=True):
    """Bill until `at`, then give the rest of the hold back."""

    allocation_id: UUID
    at: datetime


class PostCredit(msgspec.Struct, frozen=True, kw_only=True):
    """Add credit exactly once per `reference`, e.g. `payment:<id>`; `cause_id` is what the reference names."""

    tenant_id: UUID
    amount: Micro
    currency: str
    reference: str
    source: CreditSource
    cause_id: UUID


class PostRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Take unspent credit out, on its way back to the card, exactly once per refund."""

    tenant_id: UUID
    refund_id: UUID
    amount: Micro
    currency: str


class PostAdjustment(msgspec.Struct, frozen=True, kw_only=True):
    """Correct a tenant's credit by hand, exactly once: positive `amount` is a gift (promotional credit, which is never
    refunded), negative takes promotional credit first, then credit."""

    tenant_id: UUID
    adjustment_id: UUID
    amount: Micro
    currency: str


class TakeBack(msgspec.Struct, frozen=True, kw_only=True):
    """Money that left, or came back, at the payment service itself: a refund made there, a dispute. Exactly once per
    `reference`; `cause_id` is our row about it."""

    tenant_id: UUID
    cause_id: UUID
    reference: str
    kind: Literal["refund", "refund_returned", "dispute", "dispute_returned"]
    amount: Micro
    currency: str


class HouseBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What all accounts of one kind hold together, in one currency."""

    kind: str
    currency: str
    is_customer: bool
    accounts: int
    balance: Micro


class CreditSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The few figures of money in the header of every page. `empties_at` is None while nothing burns."""

    available: Micro
    burn_per_hour: RateMicroPerHour
    empties_at: datetime | None
    currency: str
    is_low: bool


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """The money of a tenant. available = credit + promotions - debt; `funds` = that + holds of running machines."""

    currency: str
    available: Micro
    credit: Micro
    promotions: Micro
    held: Micro
    debt: Micro  # owed: taken back from outside after it was spent
    burn_per_hour: RateMicroPerHour
    funds: Micro
    runway_seconds: int | None
    empties_at: datetime | None
    level: Level
    running: int


class RunwayView(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that the money lasts before and after a change; None = nothing burns."""

    before: int | None
    after: int | None
    before_at: datetime | None
    after_at: datetime | None
    hold: Micro
    affordable: bool


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of one allocation in one hour of the clock."""

    from_at: datetime
    to_at: datetime
    seconds: int
    rate: RateMicroPerHour
    amount: Micro
    records: int


class CostView(msgspec.Struct, frozen=True, kw_only=True):
    """What an allocation has cost so far, to the second; `since` is None before metering starts."""

    allocation_id: UUID
    currency: str
    total: Micro
    seconds: int
    rate: RateMicroPerHour
    since: datetime | None
    until: datetime | None
    held: Micro


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """Posted usage of one allocation, by hour, oldest first."""

    allocation_id: UUID
    currency: str
    total: Micro
    seconds: int
    lines: tuple[CostLine, ...]


class LedgerLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger page: one transaction, or the usage of one allocation in one hour.

    `change` is what it did to the tenant's money (credit, promotions and holds together), `moved` what went into (+) or
    out of (-) a hold.
    """

    hour: datetime
    line_id: UUID
    transaction_id: TransactionId
    kind: str
    title: str
    cause_id: UUID
    change: Micro
    moved: Micro
    postings: int
    first_at: datetime
    last_at: datetime


class LedgerPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first; `next_cursor` is None on the last page."""

    lines: tuple[LedgerLine, ...]
    next_cursor: str | None


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    entry_id: int
    account: str
    amount: Micro


class UsageLine(msgspec.Struct, frozen=True, kw_only=True):
    """One usage record: amount = charge(rate, elapsed + seconds) - charge(rate, elapsed)."""

    from_at: datetime
    to_at: datetime
    elapsed: int
    seconds: int
    rate: RateMicroPerHour
    amount: Micro
    price_version_id: UUID
    transaction_id: TransactionId | None


class ExplainedUsage(msgspec.Struct, frozen=True, kw_only=True):
    """The usage records of one machine in one hour of the clock: together they are one line of the ledger page."""

    from_at: datetime
    to_at: datetime
    elapsed: int
    seconds: int
    amount: Micro
    records: tuple[UsageLine, ...]


class ExplainedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """Why a transaction exists: its entries and, for usage, the interval and the price behind it, and its hour."""

    transaction_id: TransactionId
    kind: str
    title: str
    reference: str
    cause_id: UUID
    occurred_at: datetime
    currency: str
    change: Micro
    moved: Micro
    written_off: Micro
    correlation_id: str
    entries: tuple[EntryView, ...]
    sum_of_entries: Micro
    usage: UsageLine | None
    hour: ExplainedUsage | None


class TransactionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters of the API's ledger; `before` is the cursor."""

    before: UUID | None = None
    kind: str | None = None
    cause_id: UUID | None = None
    limit: int = 50


class TransactionView(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction: `change` to the tenant's money (holds included), `moved` into (+) or out of (-) a hold."""

    transaction_id: TransactionId
    kind: str
    reference: str
    cause_id: UUID
    occurred_at: datetime
    currency: str
    change: Micro
    moved: Micro
    correlation_id: str
    title: str = ""


class TransactionPage(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[TransactionView, ...]
    next_cursor: TransactionId | None


class UsageOfAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and cost of one allocation inside a period."""

    allocation_id: UUID
    project_id: UUID
    sku_id: UUID
    label: str
    rate: RateMicroPerHour
    seconds: int
    amount: Micro
    running: bool


class UsageReport(msgspec.Struct, frozen=True, kw_only=True):
    from_at: datetime
    to_at: datetime
    currency: str
    total: Micro
    allocations: tuple[UsageOfAllocation, ...]


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Days [from_day, to_day) of the organisation's calendar; without them the last 30, today included."""

    by: UsageBy = "day"
    from_day: date | None = None
    to_day: date | None = None


class UsageLineOf(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of one day, type, project or machine: `key` is its date or id, `name` what people call it."""

    key: str
    name: str
    seconds: int
    gpu_seconds: int
    amount: Micro
    machines: int


class UsageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of a period, grouped: days in order (also those without use), anything else dearest first."""

    by: UsageBy
    from_day: date
    to_day: date
    time_zone: str
    currency: str
    total: Micro
    seconds: int
    gpu_seconds: int
    lines: tuple[UsageLineOf, ...]


class SpendView(msgspec.Struct, frozen=True, kw_only=True):
    """What the organisation spent this month (up to now) and last month (all of it), by its own calendar, and on each
    of the last 30 days, oldest first. The months are named by their first days."""

    currency: str
    month: date
    this_month: Micro
    last_month: Micro
    days: tuple[Micro, ...]


class MonthStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One month of the organisation's calendar: opening + added - returned - charged = closing, exactly. `charged` is
    what was used and paid for; the present month goes up to what was posted last. Holds belong to the balance."""

    month: date
    until: date
    opening: Micro
    added: Micro
    returned: Micro
    charged: Micro
    closing: Micro
    is_open: bool


class StatementsPage(msgspec.Struct, frozen=True, kw_only=True):
    """The newest month first."""

    currency: str
    time_zone: str
    months: tuple[MonthStatement, ...]


class LedgerOfTenant(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger page."""

    ledger: LedgerPage
    currency: str
    is_first_page: bool
    may_add_credit: bool


class BillingPage(msgspec.Struct, frozen=True, kw_only=True):
    """The billing page: money, what burns it (costs since midnight UTC), and the ledger."""

    balance: BalanceView
    running: tuple[UsageOfAllocation, ...]
    ledger: LedgerPage
    now: datetime
    may_add_credit: bool
