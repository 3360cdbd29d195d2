"""`./berth bench`: what the product costs, beside floors and peers. Runs on throw-away services and leaves nothing."""

import os
import subprocess
import sys

from devstack.home import ROOT

USAGE = """usage: ./berth bench profile PATH   where the CPU and the statements of a request go (--help)
       ./berth bench budgets [--all]

  budgets        write tests/budgets/budgets.json anew, only downwards; --all also what has become more
"""


def main(argv: list[str]) -> int:
    """Runs what is asked for. 2 for words that nobody knows."""
    if argv[:1] == ["profile"]:
        from bench import profile

        return profile.main(argv[1:])
    if argv[:1] == ["budgets"] and argv[1:] in ([], ["--all"]):
        return budgets("all" if argv[1:] else "lower")
    print(USAGE, file=sys.stderr)
    return 0 if argv[:1] in (["-h"], ["--help"]) else 2


def budgets(kind: str) -> int:
    """Count what every route needs and write it down."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/budgets"]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "BERTH_BUDGETS": kind}, check=False).returncode
