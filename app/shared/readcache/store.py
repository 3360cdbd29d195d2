"""The layer in Valkey: answers, the generations of their tags, and the messages that say a tag is invalid.

An entry is kept as the generations that it was loaded under, then the value. It counts only while they are the current
ones. A generation outlives every entry that names it, so an old one never becomes valid again.

A Valkey that does not answer in time is left alone for a second; reads then go to PostgreSQL.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

CHANNEL = "berth:read:invalid"
GENERATION = "berth:read:generation:"
GENERATION_SECONDS = 600
MAX_SECONDS = 300  # of an entry: less than a generation's
ANSWER_SECONDS = 0.5
PAUSE_SECONDS = 1.0
SEPARATOR = b"\n"
PUT = """
local now = redis.call('MGET', unpack(KEYS, 2))
for i, found in ipairs(now) do if (found or '') ~= ARGV[i + 2] then return 0 end end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
INVALIDATE = """
for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'EX', ARGV[2]) end
return redis.call('PUBLISH', ARGV[3], ARGV[4])
"""
R = TypeVar("R")
log = structlog.get_logger("berth.readcache")


class Looked(msgspec.Struct, frozen=True):
    """What stands in Valkey: the generations of the tags, and the content when it was loaded under them."""

    generations: tuple[bytes, ...]
    content: bytes | None


class SharedStore:
    """Bound to one client. Every method is over within half a second; `is_down` tells that it was not asked."""

    def __init__(self, valkey: Redis, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._valkey = valkey
        self._monotonic = monotonic
        self._down_until = 0.0

    @property
    def is_down(self) -> bool:
        return self._monotonic() < self._down_until

    async def look(self, names: Sequence[tuple[str, Sequence[str]]]) -> list[Looked] | None:
        """Entries and the generations of their tags, in one round trip. None when Valkey does not answer."""
        keys = [key for name, tags in names for key in (name, *(GENERATION + tag for tag in tags))]
        found: list[bytes | None] | None = await self._ask(lambda: self._command("MGET", *keys))
        if found is None:
            return None
        looked, at = [], 0
        for _, tags in names:
            generations = tuple(value or b"" for value in found[at + 1 : at + 1 + len(tags)])
            looked.append(Looked(generations, _content(found[at], generations)))
            at += 1 + len(tags)
        return looked

    async def put(
        self, name: str, tags: Sequence[str], generations: Sequence[bytes], content: bytes, seconds: float
    ) -> bool:
        """Keep the entry unless one of its tags was invalidated meanwhile. Returns whether it is kept."""
        milliseconds = int(min(seconds, MAX_SECONDS) * 1000)
        if milliseconds <= 0:
            return False
        keys = [name, *(GENERATION + tag for tag in tags)]
        value = SEPARATOR.join((*generations, content))
        kept = await self._ask(lambda: self._run(PUT, keys, value, milliseconds, *generations))
        return bool(kept)

    async def invalidate(self, tags: Iterable[str]) -> bool:
        """Give each tag a new generation and tell every process. Returns whether Valkey took it."""
        named = sorted(tags)
        keys = [GENERATION + tag for tag in named]
        arguments = (secrets.token_hex(8), GENERATION_SECONDS, CHANNEL, "\n".join(named))
        taken = await self._ask(lambda: self._run(INVALIDATE, keys, *arguments), always=True)
        return taken is not None

    def _run(self, script: str, keys: Sequence[str], *arguments: str | bytes | float) -> Awaitable[int]:
        return self._command("EVAL", script, len(keys), *keys, *arguments)

    def _command(self, *words: str | bytes | float) -> Awaitable[Any]:
        command: Callable[..., Awaitable[Any]] = self._valkey.execute_command
        return command(*words)

    async def _ask(self, command: Callable[[], Awaitable[R]], *, always: bool = False) -> R | None:
        if self.is_down and not always:
            return None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await command()
        except (RedisError, OSError, TimeoutError) as error:
            if not self.is_down:
                log.warning("the read cache is not asked", error=type(error).__name__)
            self._down_until = self._monotonic() + PAUSE_SECONDS
            return None
        self._down_until = 0.0
        return answer


def _content(entry: bytes | None, generations: Sequence[bytes]) -> bytes | None:
    if entry is None:
        return None
    head = b"".join(generation + SEPARATOR for generation in generations)
    return entry[len(head) :] if entry.startswith(head) else None
