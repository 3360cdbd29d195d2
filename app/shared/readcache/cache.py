"""Reads through both layers, with one load at a time for each answer in this process."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from weakref import WeakSet

import msgspec
import structlog
from redis.exceptions import RedisError

from app.shared.readcache.local import LocalCache
from app.shared.readcache.model import ReadModel
from app.shared.readcache.store import CHANNEL, Looked, SharedStore

if TYPE_CHECKING:
    from app.shared.context import Runtime

T = TypeVar("T")
RETRY_SECONDS = 0.5
WAIT_SECONDS = 1.0  # for the load of another request
log = structlog.get_logger("berth.readcache")


Wanted = tuple[ReadModel[T], object, tuple[str, ...]]  # a model, a key, and the tags it depends on


class _Flight:
    """A load under way. `outdated`: one of its tags was invalidated since it began."""

    def __init__(self, tags: Collection[str]) -> None:
        self.tags = frozenset(tags)
        self.outdated = False
        self.done = asyncio.Event()
        self.result: tuple[object] | None = None


class Loading(Generic[T]):
    """An answer that is being made. `generations` are those of its tags before it was begun; None without Valkey."""

    def __init__(self, model: ReadModel[T], name: str, tags: tuple[str, ...], flight: _Flight) -> None:
        self.model, self.name, self.tags, self.flight = model, name, tags, flight
        self.generations: tuple[bytes, ...] | None = None
        self.began = time.monotonic()


class ReadCache:
    """One per process: `runtime.part(ReadCache)`."""

    def __init__(self, runtime: "Runtime") -> None:
        self._valkey = runtime.valkey
        self._store = SharedStore(runtime.valkey)
        self._local = LocalCache()
        self._flights: dict[str, _Flight] = {}  # whoever asks for the same waits for them
        self._loads: WeakSet[_Flight] = WeakSet()
        self._listener: asyncio.Task[None] | None = None
        self._hears = False  # without the messages of other processes nothing is kept here
        self._closing = False

    async def read(self, model: ReadModel[T], key: object, tags: Sequence[str], load: Callable[[], Awaitable[T]]) -> T:
        """The answer for `key`, loaded when it is not kept. Raises what `load` raises."""
        name = model.entry(key)
        kept = self._local.get(name)
        if kept is not None:
            return cast(T, kept.value)
        flight = self._flights.get(name)
        if flight is not None:
            return await self._wait(flight, load)
        flight = self._flights[name] = self._watched(tags)
        try:
            value = await self._fill(Loading(model, name, tuple(tags), flight), load)
            flight.result = (value,)
            return value
        finally:
            if self._flights.get(name) is flight:
                del self._flights[name]
            flight.done.set()

    async def find(self, model: ReadModel[T], key: object, tags: Sequence[str]) -> tuple[tuple[T] | None, Loading[T]]:
        """What is kept for `key`, and what `keep` wants when it is made instead. For an answer that is complete only
        after the function that asks has returned; several that ask at a time each make it."""
        loading = Loading(model, model.entry(key), tuple(tags), self._watched(tags))
        kept = self._local.get(loading.name)
        found = (cast(T, kept.value),) if kept is not None else await self._look(loading)
        return found, loading

    async def keep(self, loading: Loading[T], value: T) -> None:
        """Keep what was made, unless one of its tags was invalidated since `find`."""
        if loading.generations is None:
            return
        content = loading.model.encode(value)
        left = loading.model.shared_seconds - (time.monotonic() - loading.began)
        if await self._store.put(loading.name, loading.tags, loading.generations, content, left):
            self._keep(loading, value, len(content))

    async def prefetch(self, wanted: Sequence[Wanted[Any]]) -> None:
        """Bring those of `wanted` that are kept in Valkey into the process, in one round trip."""
        missing = [
            Loading(model, name, tags, self._watched(tags))
            for model, key, tags in wanted
            if self._local.get(name := model.entry(key)) is None
        ]
        if len(missing) < 2 or not self._hears:
            return
        looked = await self._store.look([(loading.name, loading.tags) for loading in missing])
        for loading, found in zip(missing, looked or (), strict=False):
            self._take(loading, found)

    async def invalidate(self, tags: Iterable[str]) -> None:
        """Nobody gets an answer that depends on `tags` and was loaded before now: at once here, and in the other
        processes as soon as they hear of it. Call it after the change has committed. Never raises: when Valkey does not
        answer, the bound of each model counts there."""
        named = frozenset(tags)
        if named:
            self._forget(named)
            await self._store.invalidate(named)
            self._forget(named)  # what was loaded by a read that began before the new generation

    async def aclose(self) -> None:
        self._closing = True
        while self._listener is not None and not self._listener.done():
            self._listener.cancel()
            await asyncio.wait({self._listener}, timeout=0.5)

    async def _fill(self, loading: Loading[T], load: Callable[[], Awaitable[T]]) -> T:
        found = await self._look(loading)
        if found is not None:
            return found[0]
        value = await load()
        await self.keep(loading, value)
        return value

    async def _look(self, loading: Loading[T]) -> tuple[T] | None:
        """What stands in Valkey, if it is one of this release; remembers the generations."""
        self._listen()
        looked = await self._store.look([(loading.name, loading.tags)])
        if looked is None:
            return None
        loading.generations = looked[0].generations
        return self._take(loading, looked[0])

    def _take(self, loading: Loading[T], looked: Looked) -> tuple[T] | None:
        if looked.content is None:
            return None
        try:
            value = loading.model.decode(looked.content)
        except (msgspec.DecodeError, ValueError):
            return None
        self._keep(loading, value, len(looked.content))
        return (value,)

    def _keep(self, loading: Loading[T], value: T, size: int) -> None:
        if self._hears and not loading.flight.outdated:
            self._local.put(loading.name, value, loading.tags, size, loading.model.local_seconds)

    async def _wait(self, flight: _Flight, load: Callable[[], Awaitable[T]]) -> T:
        """What the other request loads; when it fails or takes long, this one's own load."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await flight.done.wait()
        except TimeoutError:
            return await load()
        return cast(T, flight.result[0]) if flight.result is not None else await load()

    def _watched(self, tags: Collection[str]) -> _Flight:
        """A load that hears of invalidations for as long as somebody holds it."""
        flight = _Flight(tags)
        self._loads.add(flight)
        return flight

    def _forget(self, tags: frozenset[str]) -> None:
        self._local.invalidate(tags)
        for flight in self._loads:
            flight.outdated |= not tags.isdisjoint(flight.tags)
        self._flights = {name: flight for name, flight in self._flights.items() if not flight.outdated}

    def _listen(self) -> None:
        if self._listener is None and not self._closing:
            self._listener = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        while not self._closing:
            try:
                async with self._valkey.pubsub() as subscription:
                    await subscription.subscribe(CHANNEL)
                    async for message in subscription.listen():
                        self._hears = True  # from the confirmation on
                        if message["type"] == "message":
                            self._forget(frozenset(message["data"].decode().split("\n")))
            except (RedisError, OSError) as error:
                log.debug("invalidations are not heard", error=type(error).__name__)
            finally:
                self._hears = False
                self._local.clear()
            await asyncio.sleep(RETRY_SECONDS)
