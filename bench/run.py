"""Runs the rows, each in a process of its own, and shows them: ours, reference, ratio, target, verdict.

A row that fails says so and the rest goes on. `--write` draws docs/performance.md; what is kept of an earlier commit
stands beside (`--keep NAME` keeps this run under .berth/bench for that).
"""

import argparse
import subprocess
import sys
import time
import traceback
from pathlib import Path

import msgspec

from bench import page
from bench.figure import Figure
from devstack.home import ROOT

ROWS = {  # module of bench/rows -> the rows it measures
    "pages": ("E1", "E2"),
    "launch": ("F4",),
    "relay": ("B1", "B2", "B3"),
    "debit": ("A1", "A2"),
    "ledger": ("A3", "A4", "A5", "A6"),
    "placement": ("C3", "C4"),
    "quality": ("C1",),
    "process": ("E4", "E5", "F5", "idle"),
    "start": ("start",),
}
SECONDS = 480  # that a module may take
FOLDER = ROOT / ".berth" / "bench"


class Run(msgspec.Struct, frozen=True):
    """What one module found: figures, or why there are none."""

    module: str
    figures: list[Figure] = []
    fault: str = ""


def main(argv: list[str]) -> int:
    """0 when every row was measured, whether or not it met its target."""
    parser = argparse.ArgumentParser("berth bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(sum(ROWS.values(), ())))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", metavar="NAME", default="now", help="keep it as (before, now); by default now")
    parser.add_argument("--write", action="store_true", help="draw docs/performance.md")
    asked = parser.parse_args(argv)
    unknown = [row for row in asked.rows if not any(row in rows for rows in ROWS.values())]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}")
    chosen = [module for module, rows in ROWS.items() if not asked.rows or set(rows) & set(asked.rows)]
    began, runs = time.monotonic(), []
    for module in chosen:
        runs.append(measured(module))
        if not asked.json:
            print("\n".join(page.lines(runs[-1].figures) or [f"{module}: {runs[-1].fault}"]), flush=True)
    if asked.json:
        print(msgspec.json.encode(runs).decode())
    all_runs = keep(asked.keep, runs)
    if asked.write:
        page.write(all_runs, kept("before"), time.monotonic() - began)
    return 1 if any(run.fault for run in runs) else 0


def kept(name: str) -> list[Run]:
    """What was kept under that name."""
    path = FOLDER / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=list[Run]) if path.exists() else []


def keep(name: str, runs: list[Run]) -> list[Run]:
    """Keep these runs, with those of other modules that were kept under that name; all of them."""
    found = {run.module: run for run in [*kept(name), *runs]}
    ordered = [found[module] for module in ROWS if module in found]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_bytes(msgspec.json.encode(ordered))
    return ordered


def measured(module: str) -> Run:
    """That module's figures, by a fresh process."""
    command = [sys.executable, "-m", "bench.run", module]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Run(module, fault=f"took longer than {SECONDS} s")
    if done.returncode:
        return Run(module, fault=(done.stderr.strip().splitlines() or ["ended without a word"])[-1][:300])
    return Run(module, msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=list[Figure]))


def _one(module: str) -> None:
    """In the fresh process: measure and say it in JSON."""
    import asyncio
    from importlib import import_module

    try:
        figures = asyncio.run(import_module(f"bench.rows.{module}").measure())
    except Exception:
        traceback.print_exc()  # the product's own way out of a process leads nowhere here
        sys.exit(1)
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    _one(Path(sys.argv[1]).name)
