"""Several web processes and terminal hosts: any web shows any shell, and what dies takes nothing else along."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from devstack.simulators.nodes.testing import Bench
from tests.domains.terminal.processes import Processes, balancing
from tests.domains.terminal.world import Machine, Tab, Visitor, stock_machine
from tests.fixtures.app import SignIn

pytestmark = [pytest.mark.commits, pytest.mark.slow]  # four processes start first


@pytest.fixture
async def processes(runtime: Runtime, listening: socket.socket) -> AsyncIterator[Processes]:
    """Two web processes behind a balancer and two terminal hosts."""
    processes = Processes(runtime)
    try:
        await processes.start("web", "web1")
        await processes.start("web", "web2")
        for name in ("host1", "host2"):
            await processes.start("terminal-host", name, BERTH_TERMINAL_DRAIN_SECONDS="30")
        await processes.until_ready()
        async with balancing(listening, processes.web_ports):
            yield processes
    finally:
        await processes.aclose()


@pytest.fixture
async def ada(runtime: Runtime, sign_in_as: SignIn, processes: Processes) -> AsyncIterator[Visitor]:
    ada = Visitor(runtime, await sign_in_as("ada"))
    yield ada
    await ada.close()


@pytest.fixture
async def machine(runtime: Runtime, bench: Bench, ada: Visitor) -> AsyncIterator[Machine]:
    machine = await stock_machine(runtime, bench, ada)
    yield machine
    machine.remove()


async def hosts_of(runtime: Runtime, tabs: list[Tab]) -> dict[str, list[Tab]]:
    """The tabs by the terminal host that has their shell."""
    async with runtime.context(SYSTEM) as ctx:
        rows = await ctx.session.execute(text("SELECT id, host FROM terminal.terminal_sessions"))
        host = {row.id: row.host for row in rows}
    found: dict[str, list[Tab]] = {}
    for tab in tabs:
        assert tab.terminal_id is not None
        found.setdefault(host[tab.terminal_id], []).append(tab)
    return found


async def open_on_both(ada: Visitor, machine: Machine) -> dict[str, list[Tab]]:
    """Shells until each host has one."""
    tabs: list[Tab] = []
    found: dict[str, list[Tab]] = {}
    while len(found) < 2:
        assert len(tabs) < 10, "one host got all shells"
        tabs.append(await ada.tab(machine.id))
        found = await hosts_of(machine.runtime, tabs)
    return found


async def again(ada: Visitor, machine: Machine, tab: Tab) -> Tab:
    """The tab after its socket was lost, without a word, with the web process that it went through."""
    await tab.until_closed()
    assert tab.ended is None
    return await ada.tab(machine.id, tab.terminal_id, held=tab.offset)


async def test_webs_and_hosts_die_and_only_what_they_held_ends(
    ada: Visitor, machine: Machine, processes: Processes
) -> None:
    found = await open_on_both(ada, machine)
    (doomed, [one, *_]), (kept, [two, *_]) = found.items()
    await one.run("stty -echo; MARK=kept; true")
    await one.type("for i in $(seq 60); do echo line $i.; sleep 0.05; done; echo d''one\n")
    await one.until("line 3.")

    await processes.kill("web1")
    await processes.start("web", "web3")
    await processes.until_ready()
    await processes.kill("web2")
    one_again, two_again = await again(ada, machine, one), await again(ada, machine, two)
    await one_again.until("done")
    lines = (bytes(one.seen) + bytes(one_again.seen)).decode()
    assert one_again.gap == 0
    assert [lines.count(f"line {i}.") for i in range(1, 61)] == [1] * 60
    assert (await one_again.run("echo $MARK")).strip() == "kept"

    began = time.monotonic()
    await processes.kill(processes.host_of(doomed))
    words = await one_again.until_ended()
    assert time.monotonic() - began < 5
    assert (words["code"], words["next"]) == ("portal_restarted", "reopen")
    assert (await two_again.run("echo alive")).strip() == "alive"
    fresh = await ada.tab(machine.id)
    assert list(await hosts_of(machine.runtime, [fresh])) == [kept]

    processes.send(processes.host_of(kept), signal.SIGTERM)
    async with asyncio.timeout(5):
        while not any(frame["type"] == "closing" for frame in two_again.controls):
            await two_again.step()
    refused = await ada.tab(machine.id)
    assert refused.ended is not None and refused.ended["code"] == "no_host"
    assert (await two_again.run("echo still")).strip() == "still"
    await ada.sign_out()
    assert (await two_again.until_ended())["code"] == "signed_out"
    assert await processes.ended(processes.host_of(kept)) == 0  # its last shell is over, long before the drain is
