"""`berth up` when the work is done by another process: one started for `--detach`, or one that is at work already."""

import subprocess
import sys
import time

from devstack import logs, runfile
from devstack.home import ROOT, Home
from devstack.report import Report
from devstack.runfile import Lock
from devstack.status import missing

DETACHED = "--supervise-detached"
LONGEST_WAIT = 120.0  # seconds; a part that keeps dying never gets ready


def join(home: Home, lock: Lock, report: Report) -> int:
    """Another `up` holds this home: wait until it is ready, with every part that it restarts, and say where."""
    report.line("another berth up is at work; waiting for it" if _awaited(home) else "already running")
    began = spoke = time.monotonic()
    while lock.holder() is not None:
        awaited = _awaited(home)
        if not awaited and (status := runfile.read(home)) is not None:
            report.line(f"\n  {status['url']}\n")
            return 0
        if time.monotonic() - began > LONGEST_WAIT:
            report.error(f"{', '.join(awaited)} not ready after {LONGEST_WAIT:g} s; see ./berth logs")
            return 1
        if time.monotonic() - spoke > 2.5:
            spoke = time.monotonic()
            report.line(f"  … waiting for {', '.join(awaited)}")
        time.sleep(0.1)
    report.error("the other berth up has ended; see ./berth logs stack, then try again")
    return 1


def _awaited(home: Home) -> list[str]:
    """What is not ready yet: parts that are starting or down, or the whole stack."""
    status = runfile.read(home)
    if status is None:
        return ["the stack"]
    return missing(status) or ([] if status["phase"] == "ready" else ["the stack"])


def start(home: Home, argv: list[str]) -> int:
    """Starts the supervisor in a session of its own and shows its words until it is ready or has failed."""
    log = home.log("stack")
    with log.open("ab") as output:
        offset = output.tell()
        command = [sys.executable, "-m", "app.cli", "up", *(part for part in argv if part != "--detach"), DETACHED]
        child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    tail = logs.Tail({"stack": log}, {"stack": offset})
    while True:
        code = child.poll()
        ready = (status := runfile.read(home)) is not None and status["phase"] == "ready"
        for _, line in tail.lines():
            print(line, flush=True)
        if code is not None:
            return code
        if ready and status is not None and status["supervisor"] == child.pid:
            time.sleep(0.1)
            for _, line in tail.lines():
                print(line, flush=True)
            return 0
        time.sleep(0.1)
