"""Machine JSON: the 81 keys of MAAS 3.7.3 made from a machine's facts and its hardware, cached as bytes."""

import msgspec

from devstack.simulators.maas import fleet
from devstack.simulators.maas.states import Status, display_name
from devstack.simulators.maas.store import Machine, Store

Json = dict[str, object]
BASE = "/MAAS/api/2.0"
POOLS = {
    "default": (0, "Default pool"),
    "berth": (1, "Machines that Berth rents out"),
    "other": (2, "Somebody else's machines"),
}
ZONES = {"default": (1, ""), "zone-1": (2, "The first hall")}
VLAN: Json = {
    "vid": 0, "mtu": 1500, "dhcp_on": True, "external_dhcp": None, "relay_vlan": None, "name": "untagged",
    "fabric": "fabric-0", "id": 5001, "space": "undefined", "fabric_id": 0, "secondary_rack": None,
    "primary_rack": "rk7hd4", "resource_uri": f"{BASE}/vlans/5001/",
}  # fmt: skip
SUBNET: Json = {
    "name": "zone-1", "description": "", "vlan": VLAN, "cidr": "127.0.0.0/8", "rdns_mode": 2,
    "gateway_ip": "127.0.0.1", "dns_servers": [], "allow_dns": True, "allow_proxy": True, "active_discovery": False,
    "managed": True, "disabled_boot_architectures": [], "id": 1, "space": "undefined",
    "resource_uri": f"{BASE}/subnets/1/",
}  # fmt: skip
FABRIC: Json = {"class_type": None, "id": 0, "name": "fabric-0", "vlans": [VLAN], "resource_uri": f"{BASE}/fabrics/0/"}
DOMAIN: Json = {
    "authoritative": True, "ttl": None, "name": "maas", "resource_record_count": 0, "is_default": True, "id": 0,
    "resource_uri": f"{BASE}/domains/0/",
}  # fmt: skip
_HARDWARE_KEYS = (
    "system_vendor", "system_product", "system_family", "system_version", "system_sku", "system_serial", "cpu_model",
    "mainboard_vendor", "mainboard_product", "mainboard_serial", "mainboard_version", "mainboard_firmware_vendor",
    "mainboard_firmware_date", "mainboard_firmware_version", "chassis_vendor", "chassis_type", "chassis_serial",
    "chassis_version",
)  # fmt: skip
_UNTESTED = ("cpu", "memory", "network", "interface", "other")


def pool_json(name: str) -> Json:
    """One resource pool; note the singular in its address."""
    number, description = POOLS[name]
    return {
        "name": name, "description": description, "id": number, "resource_uri": f"{BASE}/resourcepool/{number}/"
    }  # fmt: skip


def zone_json(name: str) -> Json:
    """One zone."""
    number, description = ZONES[name]
    return {"name": name, "description": description, "id": number, "resource_uri": f"{BASE}/zones/{name}/"}


def disk_json(machine: Machine, index: int) -> Json:
    """One NVMe drive; the first holds the root file system."""
    disk_id, sid, boot = machine.number * 100 + index, machine.system_id, index == 0
    size, uri = fleet.DISK_BYTES, f"{BASE}/nodes/{sid}/blockdevices/{disk_id}/"
    partition: Json = {
        "uuid": fleet.uuid_for(f"partition-{disk_id}"), "size": size - 9_603_072, "bootable": False, "tags": [],
        "path": f"/dev/disk/by-dname/nvme{index}n1-part1", "system_id": sid, "id": disk_id,
        "used_for": "ext4 formatted filesystem mounted at /", "type": "partition", "device_id": disk_id,
        "filesystem": {"fstype": "ext4", "label": "root", "uuid": fleet.uuid_for(f"root-{disk_id}"),
                       "mount_point": "/", "mount_options": None},
        "resource_uri": f"{uri}partition/{disk_id}",
    }  # fmt: skip
    serial = f"S64HNE0T{machine.number:04}{index:02}"
    return {
        "firmware_version": "GDC5602Q", "path": f"/dev/disk/by-dname/nvme{index}n1", "block_size": 4096,
        "used_size": size if boot else 0, "used_for": "GPT partitioned with 1 partition" if boot else "Unused",
        "filesystem": None, "tags": ["ssd"], "available_size": 0 if boot else size, "serial": serial,
        "id_path": f"/dev/disk/by-id/nvme-{fleet.DISK_MODEL.replace(' ', '_')}_{serial}", "uuid": None,
        "partitions": [partition] if boot else [], "storage_pool": None, "id": disk_id,
        "partition_table_type": "GPT" if boot else None, "name": f"nvme{index}n1", "size": size, "system_id": sid,
        "model": fleet.DISK_MODEL, "type": "physical", "numa_node": index % 2, "resource_uri": uri,
    }  # fmt: skip


def interface_json(machine: Machine, address: str) -> Json:
    """The one network card. The link carries an address only from the deployment on."""
    link: Json = {"id": machine.number, "mode": "auto", "subnet": SUBNET}
    if machine.addressed:
        link["ip_address"] = address
    return {
        "vlan": VLAN, "sriov_max_vf": 0, "enabled": True, "parents": [], "tags": [], "children": [],
        "link_connected": True, "discovered": None, "mac_address": fleet.mac_address(machine.number),
        "id": machine.number, "params": {}, "interface_speed": 100000, "firmware_version": None, "links": [link],
        "effective_mtu": 1500, "name": "eth0", "product": "MT2910 Family [ConnectX-7]",
        "system_id": machine.system_id, "type": "physical", "numa_node": 0, "vendor": "Mellanox Technologies",
        "link_speed": 100000, "resource_uri": f"{BASE}/nodes/{machine.system_id}/interfaces/{machine.number}/",
    }  # fmt: skip


def gpu_json(machine: Machine) -> list[Json]:
    """The GPUs of `nodes/{system_id}/devices/`; they are not part of the machine object."""
    kind = fleet.BY_NAME[machine.kind]
    if kind.gpu is None:
        return []
    return [
        {
            "bus": 1, "hardware_type": 5, "physical_blockdevice": None, "physical_interface": None,
            "vendor_id": "10de", "product_id": kind.gpu.product_id, "vendor_name": "NVIDIA Corporation",
            "product_name": kind.gpu.pci_name, "commissioning_driver": "nouveau", "bus_number": 0x10 + index * 0x10,
            "device_number": 0, "pci_address": fleet.pci_address(index), "hardware_type_name": "GPU",
            "system_id": machine.system_id, "id": machine.number * 100 + index, "bus_name": "PCIE",
            "numa_node": index * 2 // kind.gpus,
            "resource_uri": f"{BASE}/nodes/{machine.system_id}/devices/{machine.number * 100 + index}/",
        }
        for index in range(kind.gpus)
    ]  # fmt: skip


def _hardware_json(machine: Machine, kind: fleet.Kind) -> Json:
    """The part that never changes."""
    info = dict.fromkeys(_HARDWARE_KEYS, "Unknown")
    info |= {"system_vendor": "Supermicro", "system_product": kind.system_product, "cpu_model": kind.cpu_model}
    info["system_serial"] = f"SM{machine.number:06}"
    disks = [disk_json(machine, index) for index in range(kind.disks)]
    numa: list[Json] = [
        {"index": node, "memory": kind.memory_mib // 2, "hugepages_set": [],
         "cores": list(range(node * kind.cores // 2, (node + 1) * kind.cores // 2))}
        for node in (0, 1)
    ]  # fmt: skip
    untested: Json = {f"{name}_test_status": -1 for name in _UNTESTED}
    untested |= {f"{name}_test_status_name": "Unknown" for name in _UNTESTED}
    return untested | {
        "hardware_info": info, "physicalblockdevice_set": disks, "blockdevice_set": disks, "boot_disk": disks[0],
        "virtualblockdevice_set": [], "volume_groups": [], "raids": [], "bcaches": [], "cache_sets": [],
        "special_filesystems": [], "numanode_set": numa, "hardware_uuid": fleet.uuid_for(f"board-{machine.number}"),
        "cpu_count": kind.cores, "cpu_speed": 2400, "memory": kind.memory_mib, "swap_size": None,
        "storage": kind.disks * fleet.DISK_BYTES / 1e6, "storage_test_status": 2, "storage_test_status_name": "Passed",
        "commissioning_status": 2, "commissioning_status_name": "Passed", "testing_status": 2,
        "testing_status_name": "Passed", "current_commissioning_result_id": machine.number * 10 + 1,
        "current_testing_result_id": machine.number * 10 + 2, "architecture": "amd64/generic", "address_ttl": None,
        "bios_boot_method": "uefi", "disable_ipv4": False, "domain": DOMAIN, "enable_kernel_crash_dump": False,
        "is_dpu": False, "last_sync": None, "next_sync": None, "sync_interval": None, "min_hwe_kernel": "",
        "node_type": 0, "node_type_name": "Machine", "parent": None, "pod": None, "virtualmachine_id": None,
        "status_action": "", "system_id": machine.system_id, "resource_uri": machine_uri(machine),
        "default_gateways": {"ipv4": {"gateway_ip": "127.0.0.1", "link_id": None},
                             "ipv6": {"gateway_ip": None, "link_id": None}},
    }  # fmt: skip


def machine_uri(machine: Machine) -> str:
    """The machine's own address in the API."""
    return f"{BASE}/machines/{machine.system_id}/"


def machine_json(machine: Machine, address: str) -> Json:
    """The full machine object."""
    interface = interface_json(machine, address)
    return _hardware_json(machine, fleet.BY_NAME[machine.kind]) | {
        "hostname": machine.hostname, "fqdn": f"{machine.hostname}.maas", "description": machine.description,
        "status": int(machine.status), "status_name": display_name(machine.status),
        "status_message": machine.status_message, "error_description": machine.error_description,
        "owner": machine.owner, "owner_data": machine.annotations, "workload_annotations": machine.annotations,
        "locked": machine.locked, "pool": pool_json(machine.pool), "zone": zone_json(machine.zone),
        "tag_names": machine.tags, "power_type": machine.power_type, "power_state": machine.power_state,
        "netboot": machine.status != Status.DEPLOYED, "osystem": machine.osystem,
        "distro_series": machine.distro_series, "hwe_kernel": machine.hwe_kernel,
        "ephemeral_deploy": machine.ephemeral_deploy, "enable_hw_sync": machine.enable_hw_sync,
        "ip_addresses": [address] if machine.addressed else [],
        "interface_set": [interface], "boot_interface": interface,
        "current_installation_result_id": machine.number * 10 + 3 if machine.installations else None,
    }  # fmt: skip


class Renderer:
    """Turns machines into bytes, once per change: a list of five hundred is then only a join."""

    def __init__(self, store: Store, ssh_port: int) -> None:
        self._store = store
        self._ssh_port = ssh_port
        self._cache: dict[str, tuple[int, bytes]] = {}

    def address(self, machine: Machine) -> str:
        """The loopback address this machine has whenever it is deployed."""
        return fleet.address(machine.number, self._ssh_port)

    def machine(self, machine: Machine) -> bytes:
        """The machine object, indented as MAAS does."""
        version = self._store.versions[machine.system_id]
        cached = self._cache.get(machine.system_id)
        if cached is None or cached[0] != version:
            cached = (version, encode(machine_json(machine, self.address(machine))))
            self._cache[machine.system_id] = cached
        return cached[1]

    def machines(self, machines: list[Machine]) -> bytes:
        """A list of machine objects."""
        return b"[\n" + b",\n".join(self.machine(machine) for machine in machines) + b"\n]"

    def with_constraints(self, machine: Machine, chosen: Json) -> bytes:
        """The answer of allocate: the machine and `constraints_by_type`."""
        return encode(machine_json(machine, self.address(machine)) | {"constraints_by_type": chosen})


def encode(value: object) -> bytes:
    """JSON with an indent of four, as every answer of MAAS has."""
    return msgspec.json.format(msgspec.json.encode(value), indent=4)
