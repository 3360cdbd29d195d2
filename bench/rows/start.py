"""How long the command line takes to begin: CPU of `berth --help` and of a client command beside an empty Python."""

import asyncio
import os
import resource
import subprocess
import sys
from functools import partial

from bench.figure import Figure, interleaved
from devstack.home import ROOT

TIMES = 5


async def measure() -> list[Figure]:
    empty, listed, client = await interleaved(
        partial(_cpu, [sys.executable, "-c", "pass"]),
        partial(_cpu, [str(ROOT / "berth"), "--help"]),
        partial(_cpu, [str(ROOT / "berth"), "ls"]),
    )
    name = "python -c pass"
    return [
        Figure(row="start", what="berth --help", ours=listed, unit="CPU-ms", reference=empty, reference_name=name,
               target="<= 2x", limit=2),
        Figure(row="start", what="berth ls, not signed in", ours=client, unit="CPU-ms", reference=empty,
               reference_name=name, target="<= 6x", limit=6),
    ]  # fmt: skip


async def _cpu(command: list[str]) -> float:
    return await asyncio.to_thread(_spent, command)


def _spent(command: list[str]) -> float:
    """CPU milliseconds of the command and of what it starts."""
    environment = {**os.environ, "XDG_CONFIG_HOME": "/nonexistent", "BERTH_URL": "http://127.0.0.1:1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(TIMES):
        subprocess.run(command, env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / TIMES * 1000
