"""What one person may not do alone: it is asked for, a second person lets it go, and the same command runs then.

A use case that would weaken a guard calls `ask` instead of acting, and registers with `performs` what is to run once a
second person has approved. The request is a row: who asked is never who approves, and its command cannot be changed.
"""

from app.shared.approval.actions import ACTIONS, Action, Outcome, performs
from app.shared.approval.requests import Asked, ChangeRequest, ask

__all__ = ["ACTIONS", "Action", "Asked", "ChangeRequest", "Outcome", "ask", "performs"]
