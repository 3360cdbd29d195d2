"""`./berth bench`: what the product costs, beside floors and peers. Runs on throw-away services and leaves nothing."""

import os
import subprocess
import sys

from devstack.home import ROOT

USAGE = """usage: ./berth bench [ROW…] [--json] [--keep NAME] [--write]
       ./berth bench profile PATH [--as customer|operator] [--statements]
       ./berth bench budgets [--all]

  ROW…       measure these rows (all of them in under 20 minutes); --write draws docs/performance.md
  profile    where the CPU and the statements of one request go, part by part
  budgets    write tests/budgets/budgets.json anew, only downwards; --all also what has become more
"""


def main(argv: list[str]) -> int:
    """Runs what is asked for. 2 for words that nobody knows."""
    if argv[:1] == ["profile"]:
        from bench import profile

        return profile.main(argv[1:])
    if argv[:1] == ["budgets"] and argv[1:] in ([], ["--all"]):
        return budgets("all" if argv[1:] else "lower")
    if argv[:1] in (["budgets"], ["-h"], ["--help"]):
        print(USAGE, file=sys.stderr)
        return 2 if argv[0] == "budgets" else 0
    from bench import run

    return run.main(argv)


def budgets(kind: str) -> int:
    """Count what every route needs and write it down."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/budgets"]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "BERTH_BUDGETS": kind}, check=False).returncode
