"""The sign that a background process lives, in Valkey."""

import asyncio
import contextlib
import os
import socket

from redis.asyncio import Redis
from redis.exceptions import RedisError

HEARTBEAT_SECONDS = 5
HEARTBEAT_TTL = 15


async def keep_heartbeat(valkey: Redis, service: str) -> None:
    """Say every five seconds that this process lives: `berth:<service>:<pid>` holds the host's name and expires by
    itself. Readiness and the System page read it."""
    key = f"berth:{service}:{os.getpid()}"
    try:
        while True:
            with contextlib.suppress(RedisError, OSError):
                await valkey.set(key, socket.gethostname(), ex=HEARTBEAT_TTL)
            await asyncio.sleep(HEARTBEAT_SECONDS)
    finally:
        with contextlib.suppress(RedisError, OSError):
            await valkey.delete(key)
