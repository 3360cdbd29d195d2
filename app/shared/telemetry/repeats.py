"""One cause fills no log: of warnings and errors alike so many a minute are written, and then how many were not.

What is alike: the logger, the words without their values, the kind of exception and the line that raised it. Lines of
ordinary work (`info`) pass: there is one for each request, and their number says something.
"""

import logging
import time
from collections.abc import Callable

Cause = tuple[str, str, str]
WINDOW_SECONDS = 60.0
CAUSES = 1000


class Repeats(logging.Filter):
    """On the one handler of a process, so that every logger passes it."""

    def __init__(self, limit: int = 10, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._limit = limit
        self._clock = clock
        self._seen: dict[Cause, list[float]] = {}  # the window's begin, how many were written, how many left out
        self._swept = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether `record` is written. It may be followed by lines about what was left out before."""
        if record.levelno < logging.WARNING or getattr(record, "is_summary", False):
            return True
        now, cause = self._clock(), cause_of(record)
        self._sweep(now)
        window = self._seen.setdefault(cause, [now, 0, 0])
        if window[1] >= self._limit:
            window[2] += 1
            return False
        window[1] += 1
        return True

    def _sweep(self, now: float) -> None:
        """End the windows that are over, and say what was left out in them."""
        if now - self._swept < 1 and len(self._seen) < CAUSES:
            return
        self._swept = now
        over = [cause for cause, window in self._seen.items() if now - window[0] >= WINDOW_SECONDS]
        if not over and len(self._seen) >= CAUSES:
            over = list(self._seen)
        for cause in over:
            left_out = int(self._seen.pop(cause)[2])
            if left_out:
                text = "%s lines were left out: %s %s"
                logging.getLogger(cause[0]).warning(text, left_out, *cause[1:], extra={"is_summary": True})


def cause_of(record: logging.LogRecord) -> Cause:
    """What makes two records alike."""
    message = record.msg
    text, error = str(message), record.exc_info
    if isinstance(message, dict):
        text, error = str(message.get("event")), message.get("exc_info") or error
    raised = error[1] if isinstance(error, tuple) else error
    if not isinstance(raised, BaseException):
        return record.name, text[:200], ""
    trace = raised.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else ""
    return record.name, text[:200], f"{type(raised).__name__} {line}"
