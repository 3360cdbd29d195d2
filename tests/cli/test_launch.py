"""`berth launch --wait` while the machine comes, one step at a time: at a terminal, in a pipe, and interrupted."""

import asyncio
import json
import signal
from uuid import UUID

import pytest

from app.domains.inventory.contracts import NewImage
from app.domains.inventory.service.catalog import add_sku
from app.domains.inventory.service.images import add_image
from app.domains.provisioning.contracts import End, Step
from app.domains.provisioning.service import placing, proving, teardown, transitions
from app.shared.authz.actor import SYSTEM
from tests.cli.conftest import Berth
from tests.domains.provisioning.test_pages import give_credit
from tests.domains.provisioning.world import SKUS, USD, add_nodes, add_price

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
NOBLE = NewImage(code="ubuntu-24.04", title="Ubuntu 24.04", osystem="ubuntu", distro_series="noble", is_default=True)


class Launch:
    """A machine on its way, moved by the same steps that the provisioner takes, without a machine behind them."""

    def __init__(self, runtime, allocation_id: str) -> None:
        self.runtime = runtime
        self.step = Step(allocation_id=allocation_id, correlation_id="test", attempt=1)

    async def place(self) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            await placing.place(ctx, self.step)

    async def begin_install(self) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            found = await transitions.enter(ctx, await transitions.lock(ctx, self.step), "provisioning")
            await transitions.begin_step(ctx, found, 1, "deploy")
        async with self.runtime.context(SYSTEM) as ctx:
            await transitions.note(ctx, self.step, "deploy", "copying the image")

    async def finish_install(self) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            found = await transitions.enter(ctx, await transitions.lock(ctx, self.step), "configuring")
            await transitions.finish_step(ctx, found, 1, "deploy", "it runs Ubuntu 24.04")

    async def activate(self) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            await proving.activate(ctx, self.step)


@pytest.fixture
async def shop(runtime, ada):
    """Two machines of one type, and credit for Ada."""
    async with runtime.context(SYSTEM) as ctx:
        await add_sku(ctx, SKUS[1])
        await add_price(ctx, SKUS[1].code)
        await add_image(ctx, NOBLE)
    await add_nodes(runtime, SKUS[1].code, 2)
    await give_credit(runtime, ada, 100 * USD)
    return ada


async def launched(runtime, person, name: str) -> Launch:
    """The launch of that name, once the server has it."""
    async with asyncio.timeout(15):
        while True:
            rows = (await person.client.get("/api/v1/allocations")).json()["items"]
            found = [row["id"] for row in rows if row["name"] == name]
            if found:
                return Launch(runtime, found[0])
            await asyncio.sleep(0.05)


async def test_at_a_terminal_each_step_is_told_and_ctrl_c_leaves_the_machine(berth: Berth, runtime, shop, here) -> None:
    terminal = await berth.terminal("launch", "l40sx4", "--wait", "--name", "train-09")
    await terminal.until("train-09 is on its way: 4.80 USD an hour once it works.")
    machine = await launched(runtime, shop, "train-09")
    await machine.place()
    await machine.begin_install()
    await terminal.until("… install  copying the image")
    assert "✓ choose a machine" in terminal.seen
    assert "\x1b[K" in terminal.seen  # the line under way is written over
    status, out, err = await here("show train-09")
    assert status == 0, err
    assert "Provisioning" in out
    assert "… install  copying the image" in out
    await machine.finish_install()
    await machine.activate()
    assert await terminal.end() == 0, terminal.seen
    assert "✓ install  it runs Ubuntu 24.04" in terminal.seen
    assert terminal.seen.endswith("train-09 works. Log in with: berth ssh train-09\r\n")
    status, out, err = await here("show train-09")
    assert "Active" in out and "4.80 USD an hour" in out and "✓ activate  billing starts" in out
    await interrupt(berth, runtime, shop)


async def interrupt(berth: Berth, runtime, shop) -> None:
    """Ctrl-C ends the waiting; the machine goes on."""
    terminal = await berth.terminal("launch", "l40sx4", "--wait", "--name", "train-10")
    machine = await launched(runtime, shop, "train-10")
    await machine.place()
    await terminal.until("✓ choose a machine")
    terminal.process.send_signal(signal.SIGINT)
    assert await terminal.end() == 130
    assert "train-10 goes on without you: berth show train-10. To stop it: berth cancel train-10" in terminal.seen
    await machine.begin_install()
    await machine.finish_install()
    await machine.activate()
    answer = await shop.client.get(f"/api/v1/allocations/{UUID(machine.step.allocation_id)}")
    assert answer.json()["state"] == "active"


async def test_in_a_pipe_steps_go_to_stderr_and_a_failed_launch_says_why(berth: Berth, runtime, shop) -> None:
    running = asyncio.create_task(berth.run("launch", "l40sx4", "--wait", "--json", "--name", "train-09"))
    machine = await launched(runtime, shop, "train-09")
    for step in (machine.place, machine.begin_install, machine.finish_install, machine.activate):
        await step()
    status, out, err = await running
    assert status == 0, err
    assert (json.loads(out)["name"], json.loads(out)["state"]) == ("train-09", "active")
    assert "\x1b" not in err and err.splitlines()[-1] == "✓ activate  billing starts"
    running = asyncio.create_task(berth.run("launch", "l40sx4", "--wait", "--name", "train-10"))
    machine = await launched(runtime, shop, "train-10")
    await machine.place()
    async with runtime.context(SYSTEM) as ctx:
        await teardown.end(ctx, End(step=machine.step, state="failed", code="disk", text="The disk is broken."))
    status, out, err = await running
    assert (status, out) == (6, "")
    assert "train-10: The disk is broken." in err and "Nothing was charged." in err
