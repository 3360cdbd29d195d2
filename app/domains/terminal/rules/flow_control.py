"""How fast a client may talk: a bucket that fills by the second. Time is an argument."""


class Bucket:
    """`burst` at once, `rate` per second on the long run."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Whether `amount` is within the limit at `now` (seconds of a clock that never runs back)."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if amount > self._level:
            return False
        self._level -= amount
        return True
