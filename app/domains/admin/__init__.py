"""The operator's side: audit, customers, refunds' approval, announcements, policies, events, system.

Owns: audit_logs, refusal_windows, refund_approvals, value_acts, adjustments, ledger_checks,
  announcements (schema admin)
Emits: nothing yet
Consumes: nothing yet
Called by: nobody; it calls the others
"""
