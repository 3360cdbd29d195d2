"""Reads through both layers, with one load at a time for each answer in this process."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
import structlog

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


class ReadCache:
    """One per process: `runtime.part(ReadCache)`."""

    def __init__(self, runtime: "Runtime") -> None:
        self._valkey = runtime.valkey
        self._store = SharedStore(runtime.valkey)
        self._local = LocalCache()
        self._flights: dict[str, _Flight] = {}
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
        flight = self._flights[name] = _Flight(tags)
        try:
            value = await self._fill(model, name, tuple(tags), flight, load)
            flight.result = (value,)
            return value
        finally:
            if self._flights.get(name) is flight:
                del self._flights[name]
            flight.done.set()

    async def prefetch(self, wanted: Sequence[Wanted[Any]]) -> None:
        """Bring those of `wanted` that are kept in Valkey into the process, in one round trip."""
        missing = [(model, model.entry(key), tags) for model, key, tags in wanted]
        missing = [one for one in missing if self._local.get(one[1]) is None]
        if len(missing) < 2 or not self._hears:
            return
        watch = _Flight([tag for _, _, tags in missing for tag in tags])
        self._flights[f"prefetch:{id(watch)}"] = watch
        try:
            looked = await self._store.look([(name, tags) for _, name, tags in missing])
        finally:
            self._flights.pop(f"prefetch:{id(watch)}", None)
        for (model, name, tags), found in zip(missing, looked or (), strict=False):
            self._take(model, name, tags, found, watch)

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

    async def _fill(
        self, model: ReadModel[T], name: str, tags: tuple[str, ...], flight: _Flight, load: Callable[[], Awaitable[T]]
    ) -> T:
        self._listen()
        looked = await self._store.look([(name, tags)])
        if looked is None:
            return await load()
        found = self._take(cast("ReadModel[object]", model), name, tags, looked[0], flight)
        if found is not None:
            return cast(T, found[0])
        began = asyncio.get_running_loop().time()
        value = await load()
        content = model.encode(value)
        left = model.shared_seconds - (asyncio.get_running_loop().time() - began)
        if await self._store.put(name, tags, looked[0].generations, content, left):
            self._keep(model, name, tags, value, len(content), flight)
        return value

    def _take(
        self, model: ReadModel[object], name: str, tags: Sequence[str], looked: Looked, flight: _Flight
    ) -> tuple[object] | None:
        """The value that stands in Valkey, if it is one of this release."""
        if looked.content is None:
            return None
        try:
            value = model.decode(looked.content)
        except (msgspec.DecodeError, ValueError):
            return None
        self._keep(model, name, tags, value, len(looked.content), flight)
        return (value,)

    def _keep(self, model: ReadModel[T], name: str, tags: Sequence[str], value: T, size: int, flight: _Flight) -> None:
        if self._hears and not flight.outdated:
            self._local.put(name, value, tags, size, model.local_seconds)

    async def _wait(self, flight: _Flight, load: Callable[[], Awaitable[T]]) -> T:
        """What the other request loads; when it fails or takes long, this one's own load."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await flight.done.wait()
        except TimeoutError:
            return await load()
        return cast(T, flight.result[0]) if flight.result is not None else await load()

    def _forget(self, tags: frozenset[str]) -> None:
        self._local.invalidate(tags)
        for name, flight in tuple(self._flights.items()):
            if not tags.isdisjoint(flight.tags):
                flight.outdated = True
                del self._flights[name]  # who asks from now on loads anew

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
            except Exception as error:
                log.debug("invalidations are not heard", error=type(error).__name__)
            finally:
                self._hears = False
                self._local.clear()
            await asyncio.sleep(RETRY_SECONDS)
