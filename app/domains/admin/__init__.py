"""The operator's console: audit log, customers, approvals, money, policies, events, system, announcements.

Owns: adjustments, announcements, audit_logs, ledger_checks, refund_approvals, refusal_windows, value_acts
Emits: nothing
Consumes: nothing
"""
