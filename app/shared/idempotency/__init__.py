"""POST, PUT and PATCH are safe to repeat with the same key: the second one gets the first one's result."""

from app.shared.idempotency.store import IdempotencyKey, once

__all__ = ["IdempotencyKey", "once"]
