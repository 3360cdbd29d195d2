"""D1, D2, D4: a terminal through web and terminal host: output in MB/s and CPU-ms a MB of each process beside
`ssh -tt`, the echo of a key while nothing else goes on, memory of an idle shell. D3 and D5 are tests:
`tests/domains/terminal/test_shells.py` (a hundred MB to a slow reader, fifty cuts): `python -m bench.terminal`.
"""

import asyncio
import json
import resource
import shutil
import socket
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncssh
import msgspec
from sqlalchemy import text

from app.shared.authz.actor import SYSTEM
from bench.stack import stack
from devstack.simulators.nodes.testing import Bench
from tests.domains.terminal.processes import Processes
from tests.domains.terminal.world import Machine, Tab, Visitor, stock_machine

MEGABYTES, ECHOES, IDLE = 48, 100, 60
TICK = 1000 / 100  # ms of a clock tick in /proc/PID/stat


def cpu_ms(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def output(tab: Tab, pids: dict[str, int]) -> dict[str, float]:
    """`cat` of a large file: MB/s, and CPU-ms a MB of each process."""
    before = {name: cpu_ms(pid) for name, pid in pids.items()}
    began, total = time.perf_counter(), 0
    tab.seen.clear()
    await tab.type("cat big; echo the e''nd\n")
    while b"the end" not in tab.seen[-200:]:
        total += max(0, len(tab.seen) - 300)
        del tab.seen[:-300]
        await tab.step()
    seconds = time.perf_counter() - began
    found = {f"{name}, CPU-ms a MB": (cpu_ms(pid) - before[name]) / MEGABYTES for name, pid in pids.items()}
    return {"MB/s": MEGABYTES / seconds, **found}


async def echoes(tab: Tab) -> list[float]:
    """Milliseconds from a key to its echo."""
    found = []
    for _ in range(ECHOES):
        tab.seen.clear()
        began = time.perf_counter()
        await tab.type("x")
        while b"x" not in tab.seen:
            await tab.step()
        found.append((time.perf_counter() - began) * 1000)
    await tab.type("\x15")
    return sorted(found)


async def by_ssh(bench: Bench, machine: Machine, folder: Path) -> float:
    """MB/s of `ssh -tt` for the same file."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    principals = [f"alloc:{machine.id}:ada"]
    certificate = bench.user_ca.generate_user_certificate(key, "bench", principals=principals)
    key.write_private_key(str(folder / "key"))
    (folder / "key").chmod(0o600)
    certificate.write_certificate(str(folder / "key-cert.pub"))
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentityAgent=none")
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        "ssh", "-F", "none", "-tt", "-i", str(folder / "key"), "-p", str(bench.ssh_port),
        *(part for option in options for part in ("-o", option)), f"ada@{bench.address}", "cat big",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    size = 0
    while data := await process.stdout.read(1 << 20):
        size += len(data)
    await process.wait()
    return size / 1e6 / (time.perf_counter() - began)


async def measure() -> dict[str, float]:
    """Each figure by its name."""
    found: dict[str, float] = {}
    with TemporaryDirectory(prefix="berth-bench-") as name:
        folder = Path(name)
        bench = Bench(folder)
        bench.start()
        try:
            async with stack(machines=1) as made:
                found = await _measure(made, bench, folder)
        finally:
            bench.stop()
    return found


async def _measure(made, bench: Bench, folder: Path) -> dict[str, float]:
    runtime, replace = made.runtime, msgspec.structs.replace
    settings = runtime.settings
    for name, key in (("user_ca", bench.user_ca), ("host_ca", bench.host_ca)):
        (settings.pki_dir / name).unlink(missing_ok=True)
        (settings.pki_dir / name).write_bytes(key.export_private_key())
    processes = Processes(runtime)
    with socket.socket() as claimed:
        claimed.bind(("127.0.0.1", 0))
        port = claimed.getsockname()[1]
    web = replace(settings.web, public_url=f"http://localhost:{port}")
    runtime.settings = replace(settings, web=web, maas=replace(settings.maas, node_ssh_port=bench.ssh_port))
    try:
        await processes.start("terminal-host", "host")
        await processes.start("web", "web", BERTH_PORT=str(port))
        await processes.until_ready()
        async with runtime.context(SYSTEM) as ctx:
            await ctx.session.execute(
                text("INSERT INTO shared.policy_values (id, key, value) VALUES (gen_random_uuid(), :key, :value)"),
                {"key": "terminal.max_per_person", "value": "200"},
            )
        ada = Visitor(runtime, made.people["ada"])
        machine = await stock_machine(runtime, bench, ada)
        try:
            return await _figures(ada, machine, bench, folder, {n: processes.pid(n) for n in ("web", "host")})
        finally:
            await ada.close()
            machine.remove()
    finally:
        await processes.aclose()


async def _figures(
    ada: Visitor, machine: Machine, bench: Bench, folder: Path, pids: dict[str, int]
) -> dict[str, float]:
    tab = await ada.tab(machine.id)
    size = MEGABYTES * 1_000_000
    await tab.run(f"head -c {size} /dev/urandom | base64 -w 120 | head -c {size} > big; true", 120)
    rounds, ssh = [], []
    for _ in range(3):
        rounds.append(await output(tab, pids))
        if shutil.which("ssh"):
            ssh.append(await by_ssh(bench, machine, folder))
    found = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
    if ssh:
        found["ssh -tt, MB/s"] = statistics.median(ssh)
        found["ratio"] = found["MB/s"] / found["ssh -tt, MB/s"]
    times = await echoes(tab)
    found |= {"echo p50, ms": times[ECHOES // 2], "echo p99, ms": times[ECHOES - 2]}
    before = {name: resident(pid) for name, pid in pids.items()}
    for _ in range(IDLE):
        await ada.tab(machine.id)
    found |= {f"{name}, kB an idle shell": (resident(pid) - before[name]) / IDLE / 1000 for name, pid in pids.items()}
    other = await ada.tab(machine.id)
    await other.type("yes\n")
    other.cut()
    await asyncio.sleep(3)  # until it is held back
    start = cpu_ms(pids["host"])
    await asyncio.sleep(10)
    found["a detached yes, % of a core"] = (cpu_ms(pids["host"]) - start) / 10_000 * 100
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=1))
