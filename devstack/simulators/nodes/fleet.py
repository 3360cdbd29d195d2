"""All simulated machines of this process: switched on and off as MAAS says, kept across restarts."""

import asyncio

import asyncssh

from devstack.simulators.nodes import processes
from devstack.simulators.nodes.config import NodesConfig
from devstack.simulators.nodes.confinement import Level
from devstack.simulators.nodes.machine import SYSTEM_ID, Machine, MachineSpec, first_boot
from devstack.simulators.nodes.node import Node
from devstack.simulators.nodes.store import Store


class Fleet:
    """The machines by system id. One change at a time; a change is on disk before it is answered."""

    def __init__(self, config: NodesConfig, level: Level) -> None:
        self._config = config
        self._level = level
        self._store = Store(config.data_dir, level)
        self._nodes: dict[str, Node] = {}
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """End what a killed predecessor left running, then switch every kept machine on again."""
        machines = self._store.machines()
        uids = frozenset(a.uid for m in machines for a in m.accounts.values())
        if self._level is Level.HOME:
            processes.end(lambda: processes.with_marker(f"{self._store.salt}:"))
        elif uids:
            processes.end(lambda: processes.with_uid(uids))
        for machine in machines:
            try:
                await self._switch_on(machine)
            except OSError as error:
                print(f"nodes: {machine.spec.hostname} cannot listen: {error}", flush=True)

    async def stop(self) -> None:
        """Switch every machine off; they come back at the next start."""
        async with self._lock:
            for node in self._nodes.values():
                await node.stop()
            self._nodes.clear()

    async def put(self, system_id: str, spec: MachineSpec) -> None:
        """A machine is deployed. Told the same deploy again, nothing changes; a new deploy replaces the old whole.

        Raises ValueError for a machine that cannot be, OSError when its address cannot be listened on.
        """
        spec.check()
        if not SYSTEM_ID.fullmatch(system_id):
            raise ValueError("not a system id")
        async with self._lock:
            node = self._nodes.get(system_id)
            if node is not None and node.machine.spec == spec:
                return
            if node is not None and node.machine.spec.same_deploy(spec):
                await node.stop()
                node.machine.spec = spec
                machine = node.machine
            else:
                await self._remove(system_id)
                key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
                machine = first_boot(system_id, spec, key, self._store.salt)
            await self._switch_on(machine)
            self._store.save(machine)

    async def delete(self, system_id: str) -> bool:
        """A machine has left Deployed: sessions, processes, files and port go. False when it was not there."""
        if not SYSTEM_ID.fullmatch(system_id):
            return False
        async with self._lock:
            return await self._remove(system_id)

    def list(self) -> list[dict[str, object]]:
        """What is switched on, without any key material."""
        return [
            {
                "system_id": node.machine.system_id,
                "hostname": node.machine.spec.hostname,
                "address": node.machine.spec.address,
                "ssh_port": self._config.ssh_port,
                "accounts": sorted(node.machine.accounts),
                "faults": list(node.machine.spec.faults),
            }
            for node in self._nodes.values()
        ]

    async def _switch_on(self, machine: Machine) -> None:
        node = Node(machine, self._store, self._level, self._config.ssh_port)
        await node.start()
        self._nodes[machine.system_id] = node

    async def _remove(self, system_id: str) -> bool:
        node = self._nodes.pop(system_id, None)
        if node is not None:
            await node.stop()
        self._store.wipe(system_id)
        return node is not None
