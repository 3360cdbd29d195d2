"""Money: metering by the second, a double-entry ledger, holds, runway, and the verification of all of it.

Owns: ledger_accounts, ledger_transactions, ledger_entries, ledger_checkpoints, ledger_seals, usage_records,
  metered_allocations, low_balance_events (schema billing)
Emits: billing.account.changed, billing.tenant.runway_low, billing.tenant.runway_recovered, billing.tenant.exhausted
Consumes: auth.tenant.created
Called by: provisioning (holds, metering), payments (credit), the command line (verify), pages of other domains (costs)
"""
