"""C1: how well GPUs are placed on a public trace (bench/placement_quality.py); BERTH_GPU_TRACE names its folder."""

import os
from pathlib import Path

from bench import placement_quality
from bench.figure import Figure

SEEDS = 3


async def measure() -> list[Figure]:
    folder = os.environ.get("BERTH_GPU_TRACE")
    if not folder:
        raise LookupError("BERTH_GPU_TRACE must name the folder of the public trace (openb_*.csv)")
    found = placement_quality.measure(Path(folder), SEEDS)
    what = "GPUs in use at 130 % load"
    return [
        Figure(row="C1", what=what, ours=found["ours"] - found["FGD"], unit="points over FGD",
               target=f">= -0.2 points (FGD {found['FGD']:.2f})", limit=-0.2, less=False),
        Figure(row="C1", what=what, ours=found["ours"] - found["best fit"], unit="points over best fit",
               target=f">= 1 point (best fit {found['best fit']:.2f})", limit=1, less=False),
    ]  # fmt: skip
