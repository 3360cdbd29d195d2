"""The in-process layer: the latest answers, bounded in number and bytes, each for seconds. Pure but for its clock."""

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable

import msgspec

MAX_ENTRIES = 4_096
MAX_BYTES = 8_000_000


class Kept(msgspec.Struct, frozen=True):
    """A value as it was decoded. It is shared between requests, so it must be immutable."""

    value: object
    tags: frozenset[str]
    size: int  # bytes of its encoded form
    until: float


class LocalCache:
    """Least recently used goes first."""

    def __init__(
        self,
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._by_tag: defaultdict[str, set[str]] = defaultdict(set)
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, name: str) -> Kept | None:
        """What is kept under `name` and still fresh."""
        kept = self._kept.get(name)
        if kept is None:
            return None
        if kept.until <= self._monotonic():
            self._drop(name)
            return None
        self._kept.move_to_end(name)
        return kept

    def put(self, name: str, value: object, tags: Collection[str], size: int, seconds: float) -> None:
        """Keep `value` for `seconds`; the oldest go when there is no room. What is larger than a quarter of all is not
        kept."""
        self._drop(name)
        if size > self._max_bytes // 4 or seconds <= 0:
            return
        self._kept[name] = Kept(value, frozenset(tags), size, self._monotonic() + seconds)
        self.bytes += size
        for tag in tags:
            self._by_tag[tag].add(name)
        while len(self._kept) > self._max_entries or self.bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def invalidate(self, tags: Iterable[str]) -> None:
        """Forget what depends on any of `tags`."""
        for tag in tags:
            for name in tuple(self._by_tag.get(tag, ())):
                self._drop(name)

    def clear(self) -> None:
        self._kept.clear()
        self._by_tag.clear()
        self.bytes = 0

    def _drop(self, name: str) -> None:
        kept = self._kept.pop(name, None)
        if kept is None:
            return
        self.bytes -= kept.size
        for tag in kept.tags:
            names = self._by_tag[tag]
            names.discard(name)
            if not names:
                del self._by_tag[tag]
