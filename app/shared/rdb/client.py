"""The client: no silent retry loops, so that a dead Valkey is noticed in milliseconds and not in seconds."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

WAKE_CHANNEL = "berth:outbox:wake"


def connect(url: str) -> Redis:
    """A client for `url` with time-outs of two seconds and one reconnect."""
    return Redis.from_url(
        url,
        socket_timeout=2,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=15,
        client_name="berth",
    )
