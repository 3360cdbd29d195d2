"""How long each step of a journey took; printed when the run ends, passed or not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Steps:
    """The named steps of one journey, in order."""

    def __init__(self) -> None:
        self.seconds: list[tuple[str, float]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.seconds.append((f"{name} (failed here)", time.monotonic() - began))
            raise
        self.seconds.append((name, time.monotonic() - began))

    def table(self) -> str:
        """One line a step and their sum."""
        lines = [f"  {seconds:7.2f} s  {name}" for name, seconds in self.seconds]
        return "\n".join([*lines, f"  {sum(seconds for _, seconds in self.seconds):7.2f} s  in all"])
