"""The table of figures: lines for a terminal, and docs/performance.md with an earlier run beside."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure
from devstack.home import ROOT
from devstack.programs import checkout_commit

if TYPE_CHECKING:
    from bench.run import Run

FILE = ROOT / "docs" / "performance.md"
HEAD = """# Performance

What the product costs beside floors and peers, measured by `./berth bench`, whose `--write` draws this page anew.
Ours and the reference run in turns in one process, and each figure is the median of three. CPU-ms are those
of the product's own process (PostgreSQL and the other services are apart); a ratio says more than a figure, because
machines differ. What a request does with its share is shown by `./berth bench profile PATH`; how many statements,
round trips and bytes each route may need is written in `tests/budgets/budgets.json`, and a test counts them.

"""


def lines(figures: Sequence[Figure]) -> list[str]:
    """One line a figure."""
    return [
        f"{figure.row:6}{figure.what:52}{number(figure.ours):>12} {figure.unit:14}{_beside(figure):>44}"
        f"  {figure.target:34}{'met' if figure.met else 'MISSED'}"
        for figure in figures
    ]


def number(value: float) -> str:
    """With as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _beside(figure: Figure) -> str:
    if figure.reference is None or figure.ratio is None:
        return ""
    return f"{number(figure.reference)} {figure.reference_name} ({figure.ratio:.2f}x)"


def write(runs: Sequence["Run"], before: Sequence["Run"], seconds: float) -> None:
    """Draw the page."""
    old = {(figure.row, figure.what): figure for run in before for figure in run.figures}
    rows = [
        "| row | what | before | now | unit | reference | ratio | target | |",
        "|---|---|--:|--:|---|---|--:|---|---|",
    ]
    for run in runs:
        for figure in run.figures:
            rows.append(_row(figure, old.get((figure.row, figure.what))))
        if run.fault:
            rows.append(f"| {run.module} | could not be measured: {run.fault.replace('|', '/')} | | | | | | | |")
    FILE.write_text(HEAD + _where(seconds) + "\n\n" + "\n".join(rows) + "\n", "utf-8")


def _row(figure: Figure, old: Figure | None) -> str:
    ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
    reference = f"{number(figure.reference)} ({figure.reference_name})" if figure.reference is not None else ""
    return (
        f"| {figure.row} | {figure.what} | {number(old.ours) if old else ''} | {number(figure.ours)} | {figure.unit} "
        f"| {reference} | {ratio} | {figure.target} | {'met' if figure.met else 'missed'} |"
    )


def _where(seconds: float) -> str:
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {checkout_commit()}, {model.partition(':')[2].strip()}, "
        f"{cores} cores, "
        f"{seconds:.0f} s in all, load {load:.1f} at the end: above {cores} the machine was shared, times (not CPU-ms, "
        "not ratios) are longer than they are alone."
    )
