"""`create_app`: one simulated MAAS from its configuration and its directory."""

from pathlib import Path
from typing import cast

from devstack.simulators.faults import Faults
from devstack.simulators.http import Application, application
from devstack.simulators.maas import collection_ops, machine_ops, power_ops, site_ops
from devstack.simulators.maas.api import Api
from devstack.simulators.maas.lives import Lives
from devstack.simulators.maas.nodes_link import NodesLink
from devstack.simulators.maas.region import Region, users_from
from devstack.simulators.maas.render import Renderer
from devstack.simulators.maas.store import Store

FAULTS = (
    "slow_deploy",
    "deploy_fails",
    "never_deploys",
    "conflict_409",
    "http_500",
    "hang_30s",
    "machine_vanishes",
    "power_off_fails",
    "ssh_never_answers",
    "gpu_missing",
)


def create_app(config: dict[str, object], data_dir: Path) -> Application:
    """The ASGI application. `config` is the whole configuration file; lives run between lifespan start and end."""
    own = cast(dict[str, object], config["maas"])
    nodes = cast(dict[str, object], config.get("nodes", {}))
    store = Store(data_dir, int(cast(int, config.get("fleet", 24))))
    faults = Faults(data_dir)
    region = Region(store, Renderer(store, int(cast(int, nodes.get("ssh_port", 0)))), faults, users_from(own))
    link = NodesLink(str(own.get("nodes_url") or ""))
    lives = Lives(region, link, float(cast(float, own.get("speed", 1.0))))
    resources = [
        machine_ops.resource(lives, power_ops.actions(lives)),
        machine_ops.node_resource(),
        *collection_ops.resources(lives),
        *site_ops.resources(),
    ]
    api = Api(region, resources, f"http://127.0.0.1:{own.get('port', 5240)}")

    async def stop() -> None:
        await lives.stop()
        await link.close()
        store.close()

    return application(api.handle, faults, lives.start, stop)
