"""Small structs that components take, where a tuple would be read wrongly."""

from datetime import datetime

import msgspec


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a long thing. `state` is a key of STATES ("active" means done well); times in seconds, None when
    unknown."""

    label: str
    state: str
    seconds: float | None = None
    expected_seconds: float | None = None
    detail: str = ""
    started_at: datetime | None = None
