"""Commands and views that other domains use. Amounts are micro-units, rates micro-units per hour, instants UTC."""

from datetime import date, datetime
from typing import Literal, NewType
from uuid import UUID

import msgspec

from app.shared.money import Micro, RateMicroPerHour

TransactionId = NewType("TransactionId", UUID)
CreditSource = Literal["payment", "promotion"]
Level = Literal["fine", "notice", "warning", "critical", "exhausted"]


class PlaceHold(msgspec.Struct, frozen=True, kw_only=True):
    """Set `amount` aside for one allocation with `gpus` GPUs. `label` is its name on the ledger page."""

    tenant_id: UUID
    project_id: UUID
    allocation_id: UUID
    amount: Micro
    label: str = ""
    gpus: int = 0


class StartMetering(msgspec.Struct, frozen=True, kw_only=True):
    """Bill `allocation_id` from `at` on. The rate is fixed for its whole life: a later price never changes it."""

    tenant_id: UUID
    project_id: UUID
    allocation_id: UUID
    sku_id: UUID
    price_version_id: UUID
    rate: RateMicroPerHour
    at: datetime


class StopMetering(msgspec.Struct, frozen=True, kw_only=True):
    """Bill until `at`, then release the rest of the hold."""

    allocation_id: UUID
    at: datetime


class PostCredit(msgspec.Struct, frozen=True, kw_only=True):
    """Add credit exactly once per `reference`, such as `payment:<id>`; `cause_id` is the id in the reference."""

    tenant_id: UUID
    amount: Micro
    currency: str
    reference: str
    source: CreditSource
    cause_id: UUID


class PostRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Take unspent credit out for a refund to the card, exactly once per refund."""

    tenant_id: UUID
    refund_id: UUID
    amount: Micro
    currency: str


class PostAdjustment(msgspec.Struct, frozen=True, kw_only=True):
    """Correct a tenant's credit by hand, exactly once. A positive `amount` adds promotional credit, which is never
    refunded; a negative one takes promotional credit first, then credit."""

    tenant_id: UUID
    adjustment_id: UUID
    amount: Micro
    currency: str


class PostWithdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """Record money that was withdrawn, or returned, at the payment service itself: a refund made there, a dispute.
    Exactly once per `reference`; `cause_id` is the payment domain's row about it."""

    tenant_id: UUID
    cause_id: UUID
    reference: str
    kind: Literal["refund", "refund_returned", "dispute", "dispute_returned"]
    amount: Micro
    currency: str


class HouseBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of all accounts of one kind in one currency."""

    kind: str
    currency: str
    is_customer: bool
    accounts: int
    balance: Micro


class CreditSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures in the header of every page. `empties_at` is None without running charges."""

    available: Micro
    burn_per_hour: RateMicroPerHour
    empties_at: datetime | None
    currency: str
    is_low: bool


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """The money of a tenant. available = credit + promotions - debt; `funds` adds the holds of running machines."""

    currency: str
    available: Micro
    credit: Micro
    promotions: Micro
    held: Micro
    debt: Micro  # owed: withdrawn at the payment service after it was spent
    burn_per_hour: RateMicroPerHour
    funds: Micro
    runway_seconds: int | None
    empties_at: datetime | None
    level: Level
    running: int


class RunwayView(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that the money lasts before and after a change; None without running charges."""

    before: int | None
    after: int | None
    before_at: datetime | None
    after_at: datetime | None
    hold: Micro
    available: Micro
    affordable: bool


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """Posted usage of one allocation in one hour of the clock."""

    from_at: datetime
    to_at: datetime
    seconds: int
    rate: RateMicroPerHour
    amount: Micro
    records: int


class CostView(msgspec.Struct, frozen=True, kw_only=True):
    """What an allocation has cost so far, to the second. `since` is None before metering starts."""

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


class SpendView(msgspec.Struct, frozen=True, kw_only=True):
    """Spend of this month up to now, of last month, and of each of the last 30 days (oldest first), by the
    organisation's own calendar. `month` is the first day of this month."""

    currency: str
    month: date
    this_month: Micro
    last_month: Micro
    days: tuple[Micro, ...]


class Finding(msgspec.Struct, frozen=True):
    """One row that breaks a rule of the books."""

    check: str
    subject: str
    detail: str


class CheckResult(msgspec.Struct, frozen=True):
    """How many rows a check examined, and how many of them break its rule."""

    name: str
    examined: int
    findings: int


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `berth ledger verify`; `ok` when no check has a finding."""

    ok: bool
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    at: datetime
