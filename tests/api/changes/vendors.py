"""The simulated vendors that a change may reach: Stripe for credit, MAAS for power."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.domains.maas.contracts import SystemId
from tests.api.changes.world import Ask, World
from tests.simulators.harness import running
from tests.simulators.maas_world import ADMIN_KEY, OUR_KEY
from tests.simulators.stripe_world import SECRET_KEY, stripe_world

if TYPE_CHECKING:
    from app.shared.context import Runtime


@asynccontextmanager
async def vendors(runtime: Runtime, folder: Path) -> AsyncIterator[None]:
    """Both, and a runtime that knows where they are."""
    replace = msgspec.structs.replace
    maas = {"port": 0, "admin_api_key": ADMIN_KEY, "api_key": OUR_KEY, "speed": 1000.0}
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(stripe_world(folder / "stripe"))
        port = await stack.enter_async_context(running("maas", {"fleet": 3, "maas": maas}, folder / "maas"))
        settings = runtime.settings
        runtime.settings = replace(
            settings,
            stripe=replace(settings.stripe, secret_key=SECRET_KEY, api_url=shop.url),
            maas=replace(settings.maas, url=f"http://127.0.0.1:{port}/MAAS", api_key=OUR_KEY),
        )
        yield


async def power(w: World) -> Ask:
    """The machine of the simulated MAAS behind the free node."""
    from app.domains.maas.public import gateway_of

    gateway = gateway_of(w.runtime)
    real = (await gateway.list_machines(pool="berth"))[0]
    assert SystemId(real.system_id)
    await w.run("UPDATE inventory.nodes SET system_id = :real WHERE id = :id", real=real.system_id, id=w.nodes[0])
    return Ask("olga", {"action": "query"}, {"action": "off"}, path={"node_id": w.nodes[0]})
