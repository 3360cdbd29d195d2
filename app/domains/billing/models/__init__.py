"""The tables of billing: `ledger`; `metering`."""

from app.domains.billing.models.ledger import (
    LedgerAccount,
    LedgerCheckpoint,
    LedgerEntry,
    LedgerSeal,
    LedgerTransaction,
)
from app.domains.billing.models.metering import LowBalanceEvent, MeteredAllocation, UsageRecord

__all__ = [
    "LedgerAccount",
    "LedgerCheckpoint",
    "LedgerEntry",
    "LedgerSeal",
    "LedgerTransaction",
    "LowBalanceEvent",
    "MeteredAllocation",
    "UsageRecord",
]
