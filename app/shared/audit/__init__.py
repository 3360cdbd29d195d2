"""The only writer of `admin.audit_logs`. Rows hold ids, never names or mails, and are never changed."""

from app.shared.audit.actions import AuditAction, Effect
from app.shared.audit.changes import ChangeForgotten, changes_of, withheld
from app.shared.audit.refusals import append_refusal, close_windows
from app.shared.audit.writer import AuditRow, append_audit_row

__all__ = [
    "AuditAction",
    "AuditRow",
    "ChangeForgotten",
    "Effect",
    "append_audit_row",
    "append_refusal",
    "changes_of",
    "close_windows",
    "withheld",
]
