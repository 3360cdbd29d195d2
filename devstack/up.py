"""`berth up`: settles ports and secrets, starts everything in the order it needs, supervises until told to stop."""

import argparse
import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from devstack import assets, database, detached, keys, logs, processes, runfile
from devstack.home import ROOT, Home, HomeError, Secrets, State
from devstack.plan import Plan
from devstack.programs import child_environment
from devstack.report import Report
from devstack.runfile import Lock
from devstack.services.base import Service, ServiceFailed
from devstack.supervisor import Supervisor

BACKING = ("postgres", "valkey", "nats", "temporal", "s3")
PRODUCT = ("web", "worker", "provisioner", "terminal-host")
PRODUCT_FILES = (
    "app/asgi.py", "workers/saq.py", "workers/provisioner.py", "workers/terminal_host.py", "app/shared/db/migrate.py",
)  # fmt: skip
SIMULATOR_FILES = {
    "simulators": [f"devstack/simulators/{name}/app.py" for name in ("maas", "stripe", "oidc", "smtp")],
    "nodes": ["devstack/simulators/nodes/__main__.py"],
}


def main(argv: list[str]) -> int:
    """Starts the stack; see `berth up --help`. Returns 0 when it was stopped on request or runs already."""
    parser = argparse.ArgumentParser("berth up", description="Start the whole portal on this machine.")
    parser.add_argument("--port", type=int, help="port of the portal (8000, or the one used last)")
    parser.add_argument("--fleet", type=int, help="how many machines the simulated MAAS has (24)")
    parser.add_argument("--detach", action="store_true", help="return when ready and keep running")
    parser.add_argument("--only", choices=["services"], help="backing services and simulators, no portal")
    parser.add_argument("--timings", action="store_true", help="print what the start spent its time on")
    parser.add_argument(detached.DETACHED, dest="detached", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    home = Home.of_environment()
    report = Report()
    try:
        home.make()
    except HomeError as error:
        report.error(str(error))
        return 1
    if options.detach:
        return detached.start(home, argv)
    lock = Lock(home)
    if not lock.take():
        return detached.join(home, lock, report)
    try:
        return asyncio.run(Up(home, options, report).run())
    except HomeError as error:
        report.error(str(error))
        return 1


@dataclass(slots=True)
class Up:
    """One run of the stack, from the first port to the last goodbye."""

    home: Home
    options: argparse.Namespace
    report: Report

    async def run(self) -> int:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ[processes.MARKER] = str(self.home.path)
        plan = await asyncio.to_thread(self._settle)
        run = _Run(plan, self.options, self.report)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            return await _until(stop, run.start_and_serve())
        finally:
            await run.stop()

    def _settle(self) -> Plan:
        """Everything that must be decided before the first start; ends what an earlier, killed run left."""
        if left := processes.of_home(self.home.path):
            self.report.line(f"ending {len(left)} processes of an earlier run")
            processes.end(left, grace=2.0)
        logs.rotate(self.home)
        state, secrets = State.load(self.home), Secrets.load(self.home)
        for line in [*state.settle_web_port(self.options.port), *state.settle_ports()]:
            self.report.line(line)
        state.fleet = self.options.fleet or state.fleet
        state.save(self.home)
        keys.ensure_authorities(self.home.path / "pki")
        plan = Plan(self.home, state, secrets)
        self.home.write("env.json", plan.environment())
        self.home.write("simulators.json", plan.simulator_config())
        return plan


class _Run:
    def __init__(self, plan: Plan, options: argparse.Namespace, report: Report) -> None:
        self._plan, self._options, self._report = plan, options, report
        self._phase = "starting"
        self._expected = list(runfile.NAMES if options.only is None else runfile.NAMES[: -len(PRODUCT)])
        self._supervisor = Supervisor(report, self._publish)
        self._publish()

    def _publish(self) -> None:
        content = runfile.describe(self._plan, self._supervisor.parts, self._phase)
        self._plan.home.write("run.json", {**content, "expected": self._expected})

    async def start_and_serve(self) -> int:
        """Starts all, prints the address, then follows the logs until cancelled. 1 when the start fails."""
        talker = asyncio.create_task(self._report.keep_talking())
        try:
            if not self._complete():
                return 1
            await self._start()
        except (ServiceFailed, OSError, ExceptionGroup) as error:
            if not isinstance(cause := _first(error), ServiceFailed | OSError):
                raise
            self._report.error(f"\nberth up failed: {cause}")
            return 1
        finally:
            talker.cancel()
        self._phase = "ready"
        self._publish()
        self._welcome()
        await self._follow()
        return 0

    def _complete(self) -> bool:
        """Says which file is missing when the checkout is not whole."""
        needed = [*PRODUCT_FILES, *(path for paths in SIMULATOR_FILES.values() for path in paths)]
        absent = [path for path in needed if not (ROOT / path).exists()]
        if self._options.only is None and absent:
            self._report.error(f"{', '.join(absent)} missing; ./berth up --only services starts the rest")
            return False
        return True

    async def _start(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._supervisor.start(self._simulators()))
            postgres, *others = self._plan.services()
            group.create_task(self._supervisor.start(others))
            group.create_task(self._start_database(postgres))
        if self._options.only is None:
            await asyncio.to_thread(assets.write)
            await self._seed()
            await self._supervisor.start(self._plan.product())

    def _simulators(self) -> list[Service]:
        present = []
        for simulator in self._plan.simulators():
            absent = [path for path in SIMULATOR_FILES[simulator.label] if not (ROOT / path).exists()]
            if absent:
                self._report.line(f"  {simulator.label:<12} left out: {', '.join(absent)} missing")
                gone = ("nodes",) if simulator.label == "nodes" else ("maas", "stripe", "oidc", "smtp")
                self._expected = [name for name in self._expected if name not in gone]
            else:
                present.append(simulator)
        return present

    async def _start_database(self, postgres: Service) -> None:
        await self._supervisor.start([postgres])
        secrets = self._plan.secrets
        await asyncio.to_thread(database.ensure_roles, postgres.url, secrets.postgres_owner, secrets.postgres_app)
        await asyncio.to_thread(database.ensure_database, postgres.url)
        if self._options.only is not None or await asyncio.to_thread(database.is_migrated, postgres.url):
            return
        await self._command("migrate")
        await asyncio.to_thread(database.mark_migrated, postgres.url)

    async def _seed(self) -> None:
        """Once per home. A seed that was interrupted is run again: it must be repeatable."""
        if self._plan.state.seeded or importlib.util.find_spec("devstack.seed") is None:
            return
        await self._command("seed")
        self._plan.state.seeded = True
        self._plan.state.save(self._plan.home)

    async def _command(self, name: str) -> None:
        """Runs `berth NAME` to its end; its output goes to its log. Raises ServiceFailed."""
        began = time.monotonic()
        self._report.waiting_for(name)
        path = self._plan.home.log(name)
        environment = {**os.environ, **child_environment(self._plan.environment())}
        with path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.cli", name, cwd=ROOT, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        self._report.no_longer_waiting_for(name)
        if code:
            tail = "\n".join(path.read_text(errors="replace").splitlines()[-15:])
            raise ServiceFailed(f"berth {name} ended with code {code}; the end of its log:\n{tail}")
        self._report.part(name, time.monotonic() - began)

    def _welcome(self) -> None:
        line, url = self._report.line, self._plan.url
        line(f"\nready after {self._report.elapsed:.1f} s")
        if self._options.timings:
            for name, seconds in sorted(self._report.seconds.items(), key=lambda item: -item[1]):
                line(f"  {seconds:6.2f} s  {name}")
        if self._options.only is None:
            line(f"\n  {url}\n")
            for role, who in runfile.LOGINS.items():
                line(f"  sign in as {role}: {who['name']} <{who['email']}> (one click on the sign-in page)")
            line(f"  mail that Berth sends: {self._plan.inbox_url}")
        line("\nCtrl-C stops everything; data stays.  ./berth status | logs NAME | down | reset\n")

    async def _follow(self) -> None:
        """Shows what the portal's own processes write, until cancelled."""
        tail = logs.Tail({name: self._plan.home.log(name) for name in PRODUCT})
        tail.skip_to_end()
        while True:
            await asyncio.sleep(0.3)
            if not self._options.detached:
                for label, text in tail.lines():
                    self._report.line(f"{label:<13} | {text}")

    async def stop(self) -> None:
        """The portal first, then what it stands on."""
        self._phase = "stopping"
        self._publish()
        await self._supervisor.stop(PRODUCT)
        await self._supervisor.stop([*BACKING, "simulators", "nodes"])
        for name in ("run.json", "env.json"):
            (self._plan.home.path / name).unlink(missing_ok=True)


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, int]) -> int:
    """The result of `work`, or 0 when `stop` is set first (the work is then cancelled)."""
    running = asyncio.create_task(work)
    told = asyncio.create_task(stop.wait())
    await asyncio.wait([running, told], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if running.done():
        return running.result()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return 0


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
