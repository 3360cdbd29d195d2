"""The actor of a session, cached in Valkey for five seconds and deleted when the session changes.

Deleting is a hint: when Valkey does not answer, the change is seen when the entry expires.
"""

from collections.abc import Iterable
from contextlib import suppress

from redis.exceptions import RedisError

from app.shared.context import Runtime
from app.shared.crypto import digest

CACHE_SECONDS = 5


def cache_key(token_hash: bytes) -> str:
    """The key of a session's actor."""
    return f"berth:session:{token_hash.hex()}"


async def forget(runtime: Runtime, token_hashes: Iterable[bytes]) -> None:
    """Delete the cached actors of these sessions."""
    keys = [cache_key(token_hash) for token_hash in token_hashes]
    if keys:
        with suppress(RedisError, OSError):
            await runtime.valkey.delete(*keys)


async def forget_session(runtime: Runtime, cookie: str) -> None:
    """Delete the cached actor of the session of this cookie. Call it after the change has committed."""
    await forget(runtime, [digest(cookie)])
