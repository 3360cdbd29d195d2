"""The newest output of a shell, by byte offset, from which any client is given what it has not seen.

Offsets count every byte that the shell ever wrote. The ring holds a fixed amount of them at most and little memory
while it holds little. It refuses to invent: what is gone is told as a gap.
"""

from collections import deque
from collections.abc import Callable

BLOCK = 32 * 1024


class Ring:
    """Bytes `start` to `end` of a stream; `capacity` is the most it keeps, rounded up to a block. `dropped` is given
    every block that goes, in order."""

    def __init__(self, capacity: int, dropped: Callable[[bytes], None] | None = None) -> None:
        if capacity < BLOCK:
            raise ValueError("a ring holds at least one block")
        self.capacity = capacity
        self._dropped = dropped
        self.start = 0
        self.end = 0
        self._blocks: deque[bytearray] = deque()  # every block but the last is full

    def append(self, data: bytes) -> None:
        """Add output; the oldest blocks go once there is more than `capacity` without them."""
        view = memoryview(data)
        while view:
            if not self._blocks or len(self._blocks[-1]) == BLOCK:
                self._blocks.append(bytearray())
            last = self._blocks[-1]
            part = view[: BLOCK - len(last)]
            last += part
            view = view[len(part) :]
        self.end += len(data)
        while self.end - self.start - BLOCK >= self.capacity:
            block = self._blocks.popleft()
            self.start += BLOCK
            if self._dropped is not None:
                self._dropped(bytes(block))

    def read(self, offset: int, limit: int) -> bytes:
        """At most `limit` bytes from `offset` on; fewer at the end of a block. Raises LookupError for what is gone or
        not written yet."""
        if not self.start <= offset <= self.end:
            raise LookupError(offset)
        index, inside = divmod(offset - self.start, BLOCK)
        if index >= len(self._blocks):
            return b""
        return bytes(memoryview(self._blocks[index])[inside : inside + limit])

    def resume(self, held: int | None) -> tuple[int, int]:
        """Where to go on for a client that has everything up to `held` (None: nothing yet), and how many bytes it
        misses for ever: a new one misses nothing, it gets what there is. One that claims bytes which were never written
        starts anew."""
        if held is None or not 0 <= held <= self.end:
            return self.start, 0
        return max(held, self.start), max(0, self.start - held)
