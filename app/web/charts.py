"""A chart as its page gets it: figures, what they mean in one sentence, and the same figures as a table.

The server renders the sentence, the legend and the table; a script draws the picture over them (static/js/usage). Money
stays in whole micro-units up to the browser, durations in whole seconds.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from app.shared.formats import money, rate

Kind = Literal["bars", "line"]
Unit = Literal["money", "rate", "hours"]
MAX_SERIES = 8  # as many colours as there are
OTHERS = "Others"


class Series(msgspec.Struct, frozen=True):
    """One row of figures, as many as the chart has labels; None where there is none to show."""

    label: str
    values: tuple[int | None, ...]

    @property
    def total(self) -> int:
        return sum(value or 0 for value in self.values)


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """`labels` name the points. Bars with several series are stacked."""

    id: str
    title: str
    summary: str
    kind: Kind
    unit: Unit
    head: str  # what the labels are: the first column of the table
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    currency: str = "USD"

    @property
    def data(self) -> str:
        """What the script draws, as JSON."""
        drawn = {
            "kind": self.kind,
            "unit": self.unit,
            "currency": self.currency,
            "labels": self.labels,
            "series": [{"label": series.label, "values": series.values} for series in self.series],
        }
        return msgspec.json.encode(drawn).decode()

    @property
    def is_empty(self) -> bool:
        """Nothing to draw: every figure is zero or absent."""
        return not any(value for series in self.series for value in series.values)

    @property
    def is_summed(self) -> bool:
        """Whether the figures of one label may be added up."""
        return self.kind == "bars" and len(self.series) > 1

    def text(self, value: int | None) -> str:
        """One figure as people read it."""
        if value is None:
            return ""
        if self.unit == "hours":
            return hours(value)
        return rate(value, self.currency) if self.unit == "rate" else money(value, self.currency)

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table: a label and its figures, with their sum where there is one."""
        rows = []
        for number, label in enumerate(self.labels):
            values = [series.values[number] for series in self.series]
            cells = [self.text(value) for value in values]
            rows.append((label, [*cells, self.text(sum(value or 0 for value in values))] if self.is_summed else cells))
        return rows


def hours(seconds: int) -> str:
    """Seconds as hours with one decimal, rounded half up: `12.5 h`."""
    tenths = (seconds + 180) // 360
    return f"{tenths // 10:,}.{tenths % 10} h"


def folded(series: Sequence[Series]) -> tuple[Series, ...]:
    """The largest first; more than there are colours become one series of the others."""
    ordered = sorted(series, key=lambda one: (-one.total, one.label))
    if len(ordered) <= MAX_SERIES:
        return tuple(ordered)
    rest = ordered[MAX_SERIES - 1 :]
    sums = tuple(sum(one.values[n] or 0 for one in rest) for n in range(len(rest[0].values)))
    return (*ordered[: MAX_SERIES - 1], Series(OTHERS, sums))
