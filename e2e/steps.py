"""How long each step of a journey took; printed when the run ends, passed or not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Steps:
    """The named steps of one journey, in order."""

    def __init__(self) -> None:
        self.seconds: list[tuple[str, float]] = []
        self._aside = 0.0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began, self._aside = time.monotonic(), 0.0
        try:
            yield
        except BaseException:
            name = f"{name} (failed here)"
            raise
        finally:
            self.seconds.append((name, time.monotonic() - began - self._aside))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Time spent inside belongs to no step."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._aside += time.monotonic() - began

    def table(self) -> str:
        """One line a step and their sum."""
        lines = [f"  {seconds:7.2f} s  {name}" for name, seconds in self.seconds]
        return "\n".join([*lines, f"  {sum(seconds for _, seconds in self.seconds):7.2f} s  in all"])
