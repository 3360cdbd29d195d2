"""What `berth up` says while it works: one line a part, and a word at least every three seconds. Never raises."""

import asyncio
import sys
import time
from contextlib import suppress

QUIET_LIMIT = 2.5


class Report:
    """Prints to stdout; a closed terminal must not stop the stack."""

    def __init__(self) -> None:
        self._began = self._spoke = time.monotonic()
        self._waiting: list[str] = []
        self.seconds: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def line(self, text: str) -> None:
        self._spoke = time.monotonic()
        with suppress(OSError, ValueError):
            print(text, flush=True)

    def part(self, label: str, seconds: float, detail: str = "") -> None:
        """One finished part of the start."""
        self.seconds[label] = seconds
        self.line(f"  {label:<12} ready  {seconds:5.1f} s  {_without_password(detail)}".rstrip())

    def waiting_for(self, label: str) -> None:
        if label not in self._waiting:
            self._waiting.append(label)

    def no_longer_waiting_for(self, label: str) -> None:
        with suppress(ValueError):
            self._waiting.remove(label)

    async def keep_talking(self) -> None:
        """Runs beside the start: names what is still awaited whenever nothing was said for a while."""
        while True:
            await asyncio.sleep(0.25)
            if self._waiting and time.monotonic() - self._spoke > QUIET_LIMIT:
                self.line(f"  … waiting for {', '.join(self._waiting)} ({self.elapsed:.0f} s)")

    def error(self, text: str) -> None:
        with suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)


def _without_password(url: str) -> str:
    """host:port of a URL; passwords do not belong on screens."""
    if "@" not in url:
        return url
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
