"""The tables of billing: `ledger`; `metering`."""

from app.domains.billing.models.ledger import (
    LedgerAccount,
    LedgerCheckpoint,
    LedgerEntry,
    LedgerSeal,
    LedgerTransaction,
)
from app.domains.billing.models.metering import (
    DailyUsage,
    DailyUsageProgress,
    LowBalanceEvent,
    MeteredAllocation,
    UsageRecord,
    WriteOff,
)

__all__ = [
    "DailyUsage",
    "DailyUsageProgress",
    "LedgerAccount",
    "LedgerCheckpoint",
    "LedgerEntry",
    "LedgerSeal",
    "LedgerTransaction",
    "LowBalanceEvent",
    "MeteredAllocation",
    "UsageRecord",
    "WriteOff",
]
