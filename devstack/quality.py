"""`berth check` and `berth test`: every gate of the project, each with its time; those that only read run together.

`.ci/run` calls `berth test` and nothing else, so what passes here passes there.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from app.cli.client.exits import Exit, Failure
from app.shared.numbers import whole_number
from devstack.home import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CORES = len(os.sched_getaffinity(0))
MARK = "BERTH_TEST_RUN"  # in the environment of all that a gate starts, with our pid
INSTALL_BROWSER = "apt-get install -y --no-install-recommends chromium"


class Step(NamedTuple):
    """One gate: a name and a command of this Python's environment."""

    name: str
    command: list[str]


def check(_words: list[str]) -> int:
    """Format, lint, types, import contracts, architecture rules. Runs all; 1 when any fails."""
    _need_writable()
    return _report(_run_together([*_checks(), Step("rules", _pytest("tests/architecture", *_in_workers(CORES)))]))


def test(argv: list[str]) -> int:
    """Everything but what is marked `slow`; with `--slow` that too; with other arguments only pytest with these."""
    _need_writable()
    slow = argv == ["--slow"]
    if argv and not slow:
        return subprocess.run(
            [sys.executable, "-m", "pytest", *argv], cwd=ROOT, env=_environment(), check=False
        ).returncode
    has_journeys = any((ROOT / "e2e").glob("**/test_*.py"))
    if has_journeys and not _provide_browser():
        return 1
    chosen = [] if slow else ["-m", "not slow"]
    # One worker more than there are cores: some always wait for a process of theirs.
    steps = [Step("tests", _pytest("tests", "--durations=20", *_in_workers(CORES + 1), *chosen))]
    if has_journeys:
        steps.append(Step("e2e", _pytest("e2e", *_in_workers(CORES), *chosen)))
    return _report([*_run_together(_checks()), *_run(steps)])


def pictures(_words: list[str]) -> int:
    """Draws the pictures of docs/screenshots anew: the journeys that show something, then every page of the gallery."""
    _need_writable()
    if not _provide_browser():
        return 1
    shown = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "e2e").glob("test_*.py") if _shows(path))
    environment = _environment() | {"BERTH_E2E_PICTURES": "1"}
    command = _pytest(*shown, "e2e/gallery.py", "-m", "not slow")
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    finally:
        _end_leftovers()


def _need_writable() -> None:
    """Every gate keeps something beside what it looks at. Raises Failure where a checkout cannot be written."""
    try:
        with tempfile.TemporaryFile(dir=ROOT):
            pass
    except OSError as error:
        message = f"{ROOT} cannot be written: {error.strerror}; copy the checkout to a folder of your own."
        raise Failure(message, Exit.UNEXPECTED) from error


def _shows(path: Path) -> bool:
    return "pictures.take(" in path.read_text("utf-8")


def _checks() -> list[Step]:
    """All that reads the source alone; the architecture's rules are tests."""
    return [
        Step("format", [_tool("ruff"), "format", "--check", "--quiet", "."]),
        Step("lint", [_tool("ruff"), "check", "--quiet", "."]),
        Step("types", [_tool("mypy"), "--strict"]),
        Step("imports", [_tool("lint-imports"), "--no-logo"]),
    ]


def _in_workers(count: int) -> list[str]:
    return ["-n", str(count), "--dist", "loadgroup"]


def _pytest(*argv: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", *argv]


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept[MARK] = str(os.getpid())
    browser = _browser()
    return kept | {"BERTH_CHROMIUM": browser} if browser else kept


def _browser() -> str | None:
    return os.environ.get("BERTH_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def _provide_browser() -> bool:
    """Decided before anything runs: found, installed (root), or refused with the command to type."""
    if _browser():
        return True
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing chromium for the browser tests (about 40 s)", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in ("apt-get update -qq", f"{INSTALL_BROWSER} -qq"):
            if subprocess.run(command.split(), env=quiet, check=False).returncode:
                break
        if _browser():
            return True
    prefix = "" if os.geteuid() == 0 else "sudo "
    print(f"the browser tests need Chromium; run: {prefix}{INSTALL_BROWSER}", file=sys.stderr)
    return False


def _run(steps: list[Step]) -> list[tuple[str, float, bool]]:
    """Every step in order; one that fails does not stop the rest. Whatever a step leaves running is ended after it."""
    results = []
    for step in steps:
        print(f"── {step.name}", flush=True)
        began = time.monotonic()
        try:
            code = subprocess.run(step.command, cwd=ROOT, env=_environment(), check=False).returncode
        finally:
            _end_leftovers()
        results.append((step.name, time.monotonic() - began, code == 0))
    return results


def _run_together(steps: list[Step]) -> list[tuple[str, float, bool]]:
    """All at once, and every one to its end; what each says comes in the order of the steps."""
    with ThreadPoolExecutor(len(steps)) as pool:
        running = [(step, pool.submit(_quietly, step)) for step in steps]
        results = []
        try:
            for step, future in running:
                print(f"── {step.name}", flush=True)
                code, said, seconds = future.result()
                print(said, end="", flush=True)
                results.append((step.name, seconds, code == 0))
        finally:
            _end_leftovers()
    return results


def _quietly(step: Step) -> tuple[int, str, float]:
    """Exit code, all that was said, seconds."""
    began = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=ROOT,
        env=_environment(),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout, time.monotonic() - began


def _end_leftovers() -> None:
    """Ends every process that carries this run's mark: servers and stacks that a killed test could not stop."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 8
        left = _marked()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        while left and _marked() and time.monotonic() < deadline:
            time.sleep(0.05)


def _marked() -> list[int]:
    mark, found = f"{MARK}={os.getpid()}".encode(), []
    for entry in Path("/proc").iterdir():
        if whole_number(entry.name) is not None:
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def _report(results: list[tuple[str, float, bool]]) -> int:
    print()
    for name, seconds, passed in results:
        print(f"  {name:<10} {'passed' if passed else 'FAILED'}  {seconds:6.1f} s")
    return 0 if all(passed for _, _, passed in results) else 1
