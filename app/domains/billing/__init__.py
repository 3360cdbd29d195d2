"""Money: metering by the second, a double-entry ledger, holds, runway, and the verification of all of it.

Owns: daily_usage, daily_usage_progress, ledger_accounts, ledger_checkpoints, ledger_entries, ledger_seals,
  ledger_transactions, low_balance_events, metered_allocations, usage_records, write_offs
Emits: billing.account.changed, billing.tenant.exhausted, billing.tenant.runway_low, billing.tenant.runway_recovered
Consumes: auth.tenant.created
"""
