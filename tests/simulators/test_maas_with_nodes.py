"""MAAS and the real nodes process together: a deployed machine can be logged in to, a released one cannot."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from app.domains.maas.contracts import SystemId
from app.domains.maas.gateway import MaasGateway
from devstack.simulators.maas import fleet
from devstack.simulators.nodes.testing import Bench
from tests.simulators.maas_world import OUR_KEY, region


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.start()
    yield bench
    bench.stop()


async def test_deployed_means_one_can_log_in_and_released_means_one_cannot(bench: Bench, tmp_path: Path) -> None:
    bench.address = fleet.address(1, bench.ssh_port)
    control = f"http://127.0.0.1:{bench.control_port}"
    async with region(tmp_path, nodes_url=control, ssh_port=bench.ssh_port) as maas:
        gateway = MaasGateway(maas.url, OUR_KEY, transport=maas.client._transport)
        system_id = SystemId((await maas.us.machine("node-01"))["system_id"])
        await gateway.allocate(system_id, agent_name="berth-1")
        await gateway.deploy(system_id, user_data=bench.user_data(), distro_series="noble")
        await maas.us.until(system_id, "Deployed")
        assert (await gateway.get_machine(system_id)).ip_addresses == (bench.address,)
        async with await bench.connect("ada") as connection:
            seen = await connection.run("nvidia-smi -L | wc -l")
        assert str(seen.stdout).strip() == "8"
        await gateway.release(system_id, erase=True)
        await maas.us.until(system_id, "Ready")
        async with asyncio.timeout(5):
            while await _answers(bench):
                pass
        await gateway.aclose()


async def _answers(bench: Bench) -> bool:
    try:
        async with await bench.connect("ada"):
            return True
    except (OSError, asyncssh.Error):
        return False
