"""The operator's side: audit, customers, refunds' approval, announcements, policies, events, system.

Owns: adjustments, announcements, audit_logs, ledger_checks, refund_approvals, refusal_windows, value_acts
Emits: nothing
Consumes: nothing
"""
