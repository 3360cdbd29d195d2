"""Fixed windows in Valkey: cheap, shared by every web process, and honest about when to come back."""

import msgspec
from redis.asyncio import Redis

SCRIPT = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('PTTL', KEYS[1])}
"""


class RateLimit(msgspec.Struct, frozen=True):
    """At most `count` requests in `seconds` for one key."""

    name: str
    count: int
    seconds: int


async def take(valkey: Redis, limit: RateLimit, key: str) -> int:
    """Count one request. Returns 0 when it is within the limit, else the seconds to wait."""
    name = f"berth:rate:{limit.name}:{key}"
    used, left_ms = await valkey.eval(SCRIPT, 1, name, str(limit.seconds * 1000))
    if int(used) <= limit.count:
        return 0
    return max(1, -(-int(left_ms) // 1000))
