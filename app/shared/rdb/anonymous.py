"""Whether Valkey answers somebody who has no password."""

from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, ResponseError

SECONDS = 3


async def answers_anybody(url: str) -> bool:
    """Ask without user and password. Raises RedisError or OSError when there is no answer."""
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    client = Redis.from_url(
        bare, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, retry=Retry(NoBackoff(), 0), protocol=2
    )
    try:
        await client.dbsize()
    except (AuthenticationError, AuthorizationError, ResponseError):
        return False
    finally:
        await client.aclose()
    return True
