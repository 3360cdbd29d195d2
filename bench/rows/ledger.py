"""A3-A6: the metering tick, a balance read, bytes per entry, a full recompute (bench/ledger.py measures)."""

import asyncio
import json
import sys

from bench.figure import Figure
from devstack.home import ROOT


async def measure() -> list[Figure]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.ledger", "--json", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    found: dict[str, float] = json.loads(said.strip().splitlines()[-1])
    return [
        Figure(row="A3", what="metering tick of 20,000 meters", ours=found["tick_rows_per_second"], unit="rows/s",
               reference=found["floor_rows_per_second"], reference_name="multi-row insert", target=">= 0.7x", limit=0.7,
               less=False),
        Figure(row="A3", what="rows added by a second run", ours=found["A3_rows_added_by_a_second_run_target_0"],
               unit="rows", target="0", limit=0),
        Figure(row="A4", what="balance read, p50", ours=found["A4_funds_read_p50_ms"], unit="ms",
               reference=found["A4_funds_read_p50_ms"] / found["A4_ratio_to_select_1"], reference_name="SELECT 1",
               target="<= 3.5x", limit=3.5),
        Figure(row="A5", what="bytes per ledger entry, indexes and all", ours=found["A5_bytes_per_entry_target_380"],
               unit="bytes", reference=763, reference_name="pgledger (quality.md)", target="<= 380", limit=380,
               absolute=True),
        Figure(row="A6", what="full recompute of all balances", ours=found["A6_entries_per_second_target_2000000"],
               unit="entries/s", target=">= 2,000,000", limit=2_000_000, less=False),
    ]  # fmt: skip
