"""The outbox: what must happen outside is written in the same transaction as the change, and done by the relay."""

from app.shared.outbox.writer import Outbox, OutboxKind, WorkflowCall

__all__ = ["Outbox", "OutboxKind", "WorkflowCall"]
