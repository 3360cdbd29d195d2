"""`berth down` and `berth reset`: end everything of this checkout; reset also deletes its data."""

import argparse
import os
import shutil
import signal
import sys
import time

from devstack import processes
from devstack.home import Home
from devstack.runfile import Lock
from devstack.services import reach
from devstack.services.postgres import forget_program

PATIENCE = 40.0


def main(argv: list[str]) -> int:
    """Stops the stack; afterwards no process of this checkout is left. Data stays."""
    argparse.ArgumentParser("berth down", description="Stop everything of this checkout; data stays.").parse_args(argv)
    home = Home.of_environment()
    print("stopped" if stop(home) else "nothing was running")
    return 0


def reset(argv: list[str]) -> int:
    """Stops the stack and deletes BERTH_HOME; asks first unless --yes."""
    parser = argparse.ArgumentParser("berth reset", description="Stop everything and delete all data of this checkout.")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(argv)
    home = Home.of_environment()
    if not home.path.exists():
        forget_program()  # tests made it as well
        print("there is no data")
        return 0
    if not options.yes and not _agreed(home):
        print("nothing was changed")
        return 1
    stop(home)
    for entry in home.path.iterdir():
        reach.forget(entry)
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    home.path.rmdir()
    forget_program()
    print(f"deleted {home.path}")
    return 0


def stop(home: Home) -> bool:
    """Ends the supervisor (which stops its parts in order), then whatever is left. True when something ran."""
    lock = Lock(home)
    supervisor = lock.holder()
    if supervisor is not None:
        os.kill(supervisor, signal.SIGTERM)
        _wait_for(lock)
    left = processes.of_home(home.path)
    if left:
        processes.end(left)
    (home.path / "run.json").unlink(missing_ok=True)
    (home.path / "env.json").unlink(missing_ok=True)
    return supervisor is not None or bool(left)


def _wait_for(lock: Lock) -> None:
    began = spoke = time.monotonic()
    while (holder := lock.holder()) is not None:
        if time.monotonic() - began > PATIENCE:
            os.kill(holder, signal.SIGKILL)
        if time.monotonic() - spoke > 2.5:
            spoke = time.monotonic()
            print(f"  … stopping ({spoke - began:.0f} s)", flush=True)
        time.sleep(0.05)


def _agreed(home: Home) -> bool:
    if not sys.stdin.isatty():
        print("./berth reset deletes all data; say --yes when nobody can be asked", file=sys.stderr)
        return False
    return input(f"Delete all data in {home.path}? [y/N] ").strip().lower() in ("y", "yes")
