"""Fixed windows in Valkey: cheap, shared by every web process, and honest about when to come back.

Without Valkey nothing is counted and nothing refused: a limit protects from too much, and sign-in does not work without
Valkey anyway.
"""

import ipaddress
from typing import Literal

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger("berth.limits")
SCRIPT = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('PTTL', KEYS[1])}
"""
PEEK = "return {tonumber(redis.call('GET', KEYS[1]) or '0'), redis.call('PTTL', KEYS[1])}"
Who = Literal["address", "browser", "person", "organisation", "client"]
LIMITS: "dict[str, RateLimit]" = {}


class RateLimit(msgspec.Struct, frozen=True):
    """At most `count` requests in `seconds` for one of `who`. A name exists once: two limits never share a counter."""

    name: str
    count: int
    seconds: int
    who: Who
    what: str

    def __post_init__(self) -> None:
        if self.name in LIMITS:
            raise ValueError(f"there are two limits called {self.name}")
        LIMITS[self.name] = self

    def __deepcopy__(self, _memo: dict[int, object]) -> "RateLimit":
        return self  # a router copies what its handlers declare; the limit stays the one of its name


class Taken(msgspec.Struct, frozen=True):
    """`wait` is 0 within the limit, else the seconds until the window ends."""

    left: int
    reset: int
    wait: int


def network_of(address: str) -> str:
    """What one household or host has: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "-"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


async def take(valkey: Redis, limit: RateLimit, key: str, *, count: bool = True) -> Taken:
    """Count one request, or with `count=False` only look."""
    try:
        name = f"berth:rate:{limit.name}:{key}"
        used, left_ms = await valkey.eval(SCRIPT if count else PEEK, 1, name, str(limit.seconds * 1000))
    except (RedisError, OSError) as error:
        log.warning("requests are not counted", limit=limit.name, error=type(error).__name__)
        return Taken(limit.count, limit.seconds, 0)
    reset = max(1, -(-int(left_ms) // 1000)) if int(left_ms) > 0 else limit.seconds
    over = int(used) > limit.count if count else int(used) >= limit.count
    return Taken(max(0, limit.count - int(used)), reset, reset if over else 0)
