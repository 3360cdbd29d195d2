"""`machines/` and `nodes/`: the list, allocation, release of many; and the devices inside one node."""

from collections.abc import Callable

from devstack.simulators.http import Response
from devstack.simulators.maas import constraints, fleet, render
from devstack.simulators.maas.call import Call, Refusal, Resource, answer, answer_bytes, operation, restful
from devstack.simulators.maas.lives import Lives
from devstack.simulators.maas.machine_ops import acquire, begin_release
from devstack.simulators.maas.states import RELEASABLE, Status
from devstack.simulators.maas.store import Machine

_ALLOCATE_OPTIONS = frozenset(
    "op agent_name comment bridge_all bridge_type bridge_stp bridge_fd dry_run verbose".split()
)


def read(call: Call) -> Response:
    """List machines as full objects; filters may be repeated. There are no pages."""
    given = {key: values for key, values in call.query.items() if key != "op"}
    tags = set(call.region.store.tags())
    found = constraints.select(call.region.visible(call.user), given, constraints.LIST_FILTERS, tags)
    return answer_bytes(call.region.renderer.machines(found))


def allocate(call: Call) -> Response:
    """Allocate a Ready machine that fits; without any constraint that is any Ready machine."""
    if call.was_json:
        raise Refusal(500, "'dict' object has no attribute 'lists'")
    given = {key: values for key, values in call.form.items() if key not in _ALLOCATE_OPTIONS}
    dry_run = call.flag("dry_run")
    call.flag("verbose")
    free = [machine for machine in call.region.visible(call.user) if machine.status == Status.READY]
    tags = set(call.region.store.tags())
    fitting = constraints.select(free, given, constraints.ALLOCATE_CONSTRAINTS, tags)
    if not fitting:
        raise Refusal(409, _none_available(given))
    machine = min(fitting, key=_cost)
    chosen: render.Json = {
        "storage": {label: [machine.number * 100 + n] for n, label in enumerate(_labels(given, "storage"))},
        "interfaces": {label: [machine.number] for label in _labels(given, "interfaces")},
    }
    if dry_run:
        return answer_bytes(call.region.renderer.with_constraints(machine, chosen))
    acquire(call, machine)
    call.region.store.save(machine)
    return answer_bytes(call.region.renderer.with_constraints(machine, chosen))


def _labels(given: dict[str, list[str]], key: str) -> list[str]:
    return [part.partition(":")[0] for part in constraints.split(given.get(key, [])) if ":" in part]


def _cost(machine: Machine) -> tuple[float, int]:
    """MAAS gives the cheapest machine first."""
    kind = fleet.BY_NAME[machine.kind]
    return kind.cores + kind.memory_mib / 1024, machine.number


def _none_available(given: dict[str, list[str]]) -> str:
    if not given:
        return "No machine available."
    if set(given) == {"system_id"}:
        return f"No machine with system ID {given['system_id'][-1]} available."
    pairs = sorted(given.items())
    resolved = " ".join(f"{key}={','.join(values)}" for key, values in pairs)
    return f'No available machine matches constraints: {pairs} (resolved to "{resolved}")'


def list_allocated(call: Call) -> Response:
    """The caller's machines in status Allocated."""
    mine = [
        machine
        for machine in call.region.visible(call.user)
        if machine.status == Status.ALLOCATED and machine.owner == call.user.username
    ]
    return answer_bytes(call.region.renderer.machines(mine))


def release_many(lives: Lives) -> Callable[[Call], Response]:
    """The operation, bound to the lives."""

    def run(call: Call) -> Response:
        """Release several machines; all or none. Answers the ids it started."""
        known, wanted = call.region.store.machines, call.form.get("machines", [])
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise Refusal(400, f"Unknown machine(s): {', '.join(unknown)}.")
        machines = [known[name] for name in dict.fromkeys(wanted)]
        for machine in machines:
            if machine.locked or not call.region.may_see(call.user, machine):
                raise Refusal(403, f"You don't have the required permission to release: {machine.system_id}.")
        busy = [item for item in machines if item.status not in RELEASABLE | {Status.READY, Status.RELEASING}]
        if busy:
            names = ", ".join(f"{item.system_id} ('{Status(item.status).name.capitalize()}')" for item in busy)
            raise Refusal(409, f"Machine(s) cannot be released in their current state: {names}.")
        started = [machine for machine in machines if machine.status in RELEASABLE]
        for machine in started:
            begin_release(call, machine, lives, erase=False)
        return answer([machine.system_id for machine in started])

    return run


def is_registered(call: Call) -> Response:
    """Whether a MAC address belongs to a machine; needs no signature."""
    wanted = call.query.get("mac_address", [""])[-1].lower()
    return answer(any(fleet.mac_address(item.number) == wanted for item in call.region.store.machines.values()))


def devices(call: Call) -> Response:
    """The PCI devices of a node; the GPUs are here and not in the machine object."""
    return answer(render.gpu_json(call.machine()))


def blockdevices(call: Call) -> Response:
    """The disks of a node."""
    machine = call.machine()
    return answer([render.disk_json(machine, index) for index in range(fleet.BY_NAME[machine.kind].disks)])


def interfaces(call: Call) -> Response:
    """The network cards of a node."""
    machine = call.machine()
    return answer([render.interface_json(machine, call.region.renderer.address(machine))])


def resources(lives: Lives) -> list[Resource]:
    """The handlers of this file."""
    anonymous = (operation("is_registered", "GET", is_registered),)
    collection = (
        restful("read", read),
        operation("allocate", "POST", allocate),
        operation("list_allocated", "GET", list_allocated),
        operation("release", "POST", release_many(lives)),
        operation("is_registered", "GET", is_registered),
    )

    return [
        Resource("MachinesHandler", "machines/", "Manage the collection of all machines.", collection, anonymous),
        Resource("NodesHandler", "nodes/", "Manage the collection of all nodes.", (restful("read", read),), anonymous),
        Resource("NodeDevicesHandler", "nodes/{system_id}/devices/", "View node devices.", (restful("read", devices),)),
        Resource("BlockDevicesHandler", "nodes/{system_id}/blockdevices/", "Disks.", (restful("read", blockdevices),)),
        Resource("InterfacesHandler", "nodes/{system_id}/interfaces/", "Cards.", (restful("read", interfaces),)),
    ]
