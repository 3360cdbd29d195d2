"""Valkey: one client per process, rate limits, live topics. Nothing here is the only copy of anything."""

from app.shared.rdb.client import WAKE_CHANNEL, connect
from app.shared.rdb.rate_limit import RateLimit, take

__all__ = ["WAKE_CHANNEL", "RateLimit", "connect", "take"]
