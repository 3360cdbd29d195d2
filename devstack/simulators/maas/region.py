"""The region: its users, its machines and the moves between statuses, with every effect of a move in one place.

Handlers ask it to begin something; lives (`lives.py`) make it end.
"""

import base64
import binascii

from devstack.simulators.faults import Faults, Spec
from devstack.simulators.maas import fleet
from devstack.simulators.maas.nodes_link import Payload
from devstack.simulators.maas.oauth import User, user_from_key
from devstack.simulators.maas.render import Renderer
from devstack.simulators.maas.states import Status, is_legal
from devstack.simulators.maas.store import Machine, Store


class IllegalMove(Exception):
    """MAAS has no such transition; the text is its own."""


class Region:
    """Everything the handlers share."""

    def __init__(self, store: Store, renderer: Renderer, faults: Faults, users: list[User]) -> None:
        self.store = store
        self.renderer = renderer
        self.faults = faults
        self.users = users

    def may_see(self, user: User, machine: Machine) -> bool:
        """Administrators see all, others what is theirs or nobody's."""
        return user.is_superuser or machine.owner in (None, user.username)

    def visible(self, user: User) -> list[Machine]:
        """The machines this user gets in lists, in order of their ids."""
        seen = [machine for machine in self.store.machines.values() if self.may_see(user, machine)]
        if "machine_vanishes" in self.faults.active:
            seen = [machine for machine in seen if not self.vanished(machine)]
        return seen

    def strike(self, fault: str, machine: Machine | None, **attributes: object) -> Spec | None:
        """Use up a fault if it hits: its `machine` selector may be the hostname or the system_id."""
        names = [machine.hostname, machine.system_id] if machine is not None else [""]
        for name in names:
            spec = self.faults.take(fault, machine=name, **attributes)
            if spec is not None:
                return spec
        return None

    def vanished(self, machine: Machine) -> bool:
        """Whether this machine is gone from this one answer."""
        return self.strike("machine_vanishes", machine) is not None

    def move(self, machine: Machine, target: Status) -> None:
        """Change the status. Raises IllegalMove when MAAS has no such transition."""
        if not is_legal(machine.status, target):
            source = Status(machine.status).name.capitalize().replace("_", " ")
            raise IllegalMove(f"Invalid transition: {source} -> {target.name.capitalize().replace('_', ' ')}.")
        machine.status = target

    def clear_system(self, machine: Machine) -> None:
        """Forget what was installed."""
        machine.osystem, machine.distro_series, machine.hwe_kernel = "", "", None
        machine.ephemeral_deploy = machine.enable_hw_sync = False

    def disown(self, machine: Machine) -> None:
        """Nobody owns the machine any more. error_description stays: on a real one it survives release."""
        machine.owner, machine.agent_name, machine.user_data = None, "", ""
        machine.annotations, machine.addressed, machine.node_faults = {}, False, []

    def node_payload(self, machine: Machine) -> Payload:
        """What the nodes process needs to play this machine. One that is switched off does not answer SSH."""
        kind = fleet.BY_NAME[machine.kind]
        off = ["ssh_never_answers"] if machine.power_state != "on" else []
        return {
            "hostname": machine.hostname,
            "address": self.renderer.address(machine),
            "user_data": decoded(machine.user_data),
            "gpus": fleet.driver_gpus(machine.number, kind),
            "cpu_count": kind.cores,
            "memory_mib": kind.memory_mib,
            "faults": sorted({*machine.node_faults, *off}),
        }


def decoded(user_data: str) -> str:
    """The text inside base64; what is no base64 is served as it came, like MAAS does."""
    try:
        return base64.b64decode("".join(user_data.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return user_data


def users_from(config: dict[str, object]) -> list[User]:
    """The people of this region: two with keys from the configuration, two without."""
    return [
        user_from_key("admin", True, str(config["admin_api_key"])),
        user_from_key("berth", False, str(config["api_key"])),
        User("MAAS", True),
        User("alice", False),
    ]
