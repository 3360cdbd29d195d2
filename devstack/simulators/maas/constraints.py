"""Which machines a list or an allocation means: the filters of MAAS, and its complaints about wrong ones."""

from collections.abc import Callable

from devstack.simulators.maas import fleet
from devstack.simulators.maas.call import Params, Refusal
from devstack.simulators.maas.render import POOLS, ZONES
from devstack.simulators.maas.states import FILTER_NAMES
from devstack.simulators.maas.store import Machine

Test = Callable[[Machine], bool]
Builder = Callable[[str, list[str], set[str]], Test]
_NUMBERS: dict[str, Callable[[fleet.Kind], int]] = {
    "cpu_count": lambda kind: kind.cores,
    "mem": lambda kind: kind.memory_mib,
    "cpu_speed": lambda kind: 2400,
}
_UNSERVED = frozenset(
    "pod pod_type not_pod not_pod_type fabrics not_fabrics subnets not_subnets vlans not_vlans fabric_classes"
    " not_fabric_classes link_speed deployment_target".split()
)
_DEVICE_KEYS = frozenset({"vendor_id", "product_id", "vendor_name", "product_name", "commissioning_driver"})


def split(values: list[str]) -> list[str]:
    """Values may be repeated or joined by commas."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _same(attribute: str, negate: bool = False) -> Builder:
    def build(_: str, values: list[str], __: set[str]) -> Test:
        wanted = set(values)
        return lambda machine: (str(getattr(machine, attribute) or "") in wanted) != negate

    return build


def _named(attribute: str, known: dict[str, tuple[int, str]], negate: bool = False) -> Builder:
    def build(key: str, values: list[str], _: set[str]) -> Test:
        for value in values:
            if value not in known:
                raise Refusal(400, {key: [f"No such {attribute}: '{value}'."]})
        wanted = set(values)
        return lambda machine: (getattr(machine, attribute) in wanted) != negate

    return build


def _tags(negate: bool) -> Builder:
    def build(key: str, values: list[str], tags: set[str]) -> Test:
        wanted = set(split(values))
        missing = sorted(wanted - tags)
        if missing:
            raise Refusal(400, {key: ["No such tag(s): " + ", ".join(f"'{name}'" for name in missing) + "."]})
        if negate:
            return lambda machine: not wanted & set(machine.tags)
        return lambda machine: wanted <= set(machine.tags)

    return build


def _statuses(negate: bool) -> Builder:
    def build(key: str, values: list[str], _: set[str]) -> Test:
        for value in values:
            if value not in FILTER_NAMES:
                raise Refusal(400, {key: [f"'{value}' is not one of: {', '.join(sorted(FILTER_NAMES))}"]})
        wanted = {FILTER_NAMES[value] for value in values}
        return lambda machine: (machine.status in wanted) != negate

    return build


def _minimum(key: str, values: list[str], _: set[str]) -> Test:
    try:
        least = float(values[-1])
    except ValueError:
        raise Refusal(400, {key: [f"Invalid {key}: number required"]}) from None
    return lambda machine: _NUMBERS[key](fleet.BY_NAME[machine.kind]) >= least


def _devices(key: str, values: list[str], _: set[str]) -> Test:
    wanted: dict[str, str] = {}
    for part in split(values):
        name, _sep, value = part.partition("=")
        if name not in _DEVICE_KEYS or not value:
            raise Refusal(400, {key: [f"Unknown device constraint: '{part}'."]})
        wanted[name] = value.lower()

    def test(machine: Machine) -> bool:
        gpu = fleet.BY_NAME[machine.kind].gpu
        if gpu is None:
            return False
        has = {
            "vendor_id": "10de",
            "product_id": gpu.product_id,
            "vendor_name": "nvidia corporation",
            "product_name": gpu.pci_name.lower(),
            "commissioning_driver": "nouveau",
        }
        return all(has[name] == value for name, value in wanted.items())

    return test


def _architecture(_: str, values: list[str], __: set[str]) -> Test:
    return lambda machine: any("amd64/generic" in (value, f"{value}/generic") for value in values)


def _mac(_: str, values: list[str], __: set[str]) -> Test:
    return lambda machine: fleet.mac_address(machine.number) in {value.lower() for value in values}


def _hostname(_: str, values: list[str], __: set[str]) -> Test:
    wanted = {value.removesuffix(".maas") for value in values}
    return lambda machine: machine.hostname in wanted


def _domain(_: str, values: list[str], __: set[str]) -> Test:
    return lambda machine: "maas" in values


def _storage(key: str, values: list[str], _: set[str]) -> Test:
    needs = []
    for part in split(values):
        size = part.rpartition(":")[2].partition("(")[0]
        if not size.replace(".", "", 1).isdigit():
            raise Refusal(400, {key: [f"Malformed storage constraint, '{part}'."]})
        needs.append(float(size) * 1e9)
    return lambda machine: len(needs) <= fleet.BY_NAME[machine.kind].disks and max(needs, default=0) <= fleet.DISK_BYTES


def _anything(_: str, __: list[str], ___: set[str]) -> Test:
    return lambda machine: True


_SHARED: dict[str, Builder] = {
    "system_id": _same("system_id"),
    "zone": _named("zone", ZONES),
    "not_in_zone": _named("zone", ZONES, negate=True),
    "pool": _named("pool", POOLS),
    "not_in_pool": _named("pool", POOLS, negate=True),
    "tags": _tags(negate=False),
    "not_tags": _tags(negate=True),
    "arch": _architecture,
    "cpu_count": _minimum,
    "cpu_speed": _minimum,
    "mem": _minimum,
    "owner": _same("owner"),
    "power_state": _same("power_state"),
    "devices": _devices,
    "storage": _storage,
    "interfaces": _anything,
}
LIST_FILTERS: dict[str, Builder] = _SHARED | {
    "id": _same("system_id"),
    "hostname": _hostname,
    "mac_address": _mac,
    "domain": _domain,
    "agent_name": _same("agent_name"),
    "status": _statuses(negate=False),
    "not_status": _statuses(negate=True),
    "not_owner": _same("owner", negate=True),
}
ALLOCATE_CONSTRAINTS: dict[str, Builder] = _SHARED | {"name": _hostname}


def select(machines: list[Machine], given: Params, known: dict[str, Builder], tags: set[str]) -> list[Machine]:
    """The machines every constraint agrees on. Raises Refusal (400) for an unknown key or a wrong value."""
    for key, values in given.items():
        if key == "simple_status":
            raise Refusal(500, "'simple_status'")  # a bug of 3.7; its exact text was not recorded
        if key in _UNSERVED:
            raise Refusal(400, {key: ["This simulator does not serve this constraint."]})
        if key not in known:
            raise Refusal(400, {key: ["No such constraint."]})
        test = known[key](key, values, tags)
        machines = [machine for machine in machines if test(machine)]
    return machines
