"""A script that knows nothing but `describe/` can list, allocate, deploy and release a machine."""

from pathlib import Path
from typing import Any

import httpx2

from tests.simulators.maas_world import OUR_KEY, World, authorization, region

REAL_NAMES = {
    "MachinesHandler", "MachineHandler", "NodesHandler", "NodeHandler", "NodeDevicesHandler", "EventsHandler",
    "UsersHandler", "UserHandler", "TagsHandler", "TagHandler", "ZonesHandler", "ZoneHandler", "ResourcePoolsHandler",
    "ResourcePoolHandler", "BootResourcesHandler", "BootResourceHandler", "VersionHandler", "SSHKeysHandler",
    "FabricsHandler", "FabricHandler",
    "MaasHandler", "DomainsHandler", "SubnetsHandler", "BlockDevicesHandler", "InterfacesHandler",
}  # fmt: skip


class Described:
    """A generic client, built from the document alone (as libmaas and maascli are)."""

    def __init__(self, client: httpx2.AsyncClient, origin: str, document: dict[str, Any]) -> None:
        self.client, self.origin = client, origin
        self.handlers = {item["name"]: item["auth"] for item in document["resources"] if item["auth"]}

    async def call(self, handler: str, action: str, fields: dict[str, str] | None = None, **params: str) -> Any:
        described = self.handlers[handler]
        assert set(described["params"]) == set(params)
        found = next(item for item in described["actions"] if item["name"] == action)
        url = self.origin + described["path"].format(**params)
        query = {} if found["restful"] else {"op": found["op"]}
        parts = {key: (None, value) for key, value in (fields or {}).items()} or None
        signed = authorization(OUR_KEY)
        answer = await self.client.request(found["method"], url, params=query, files=parts, headers=signed)
        assert answer.is_success, answer.text
        return answer.json()


async def document_of(maas: World) -> dict[str, Any]:
    document: dict[str, Any] = (await maas.client.get("describe/")).json()
    return document


async def test_a_script_that_knows_only_describe_runs_a_machine(tmp_path: Path) -> None:
    async with region(tmp_path) as maas:
        described = Described(maas.client, maas.url.removesuffix("/MAAS"), await document_of(maas))
        machines = await described.call("MachinesHandler", "read")
        assert len(machines) == 25
        allocated = await described.call("MachinesHandler", "allocate", {"name": machines[4]["hostname"]})
        system_id = allocated["system_id"]
        deploying = await described.call("MachineHandler", "deploy", {"distro_series": "jammy"}, system_id=system_id)
        assert deploying["status_name"] == "Deploying"
        await maas.us.until(system_id, "Deployed")
        await described.call("MachineHandler", "release", {"comment": "done"}, system_id=system_id)
        await maas.us.until(system_id, "Ready")
        assert (await described.call("MachineHandler", "read", system_id=system_id))["owner"] is None


async def test_describe_needs_no_signature_and_uses_the_real_names(tmp_path: Path) -> None:
    async with region(tmp_path) as maas:
        document = await document_of(maas)
        assert document.keys() == {"doc", "hash", "handlers", "resources"}
        assert {resource["name"] for resource in document["resources"]} == REAL_NAMES
        machine = next(item["auth"] for item in document["resources"] if item["name"] == "MachineHandler")
        assert machine.keys() == {"name", "doc", "path", "uri", "params", "actions"}
        assert (machine["path"], machine["params"]) == ("/MAAS/api/2.0/machines/{system_id}/", ["system_id"])
        actions = {action["name"]: action for action in machine["actions"]}
        assert actions["deploy"].keys() == {"name", "op", "method", "restful", "doc"}
        assert (actions["read"]["op"], actions["read"]["restful"], actions["deploy"]["op"]) == (None, True, "deploy")
        assert all(action["doc"] for action in machine["actions"])
