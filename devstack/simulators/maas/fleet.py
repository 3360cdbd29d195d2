"""What the simulated hall holds: four kinds of machines in fixed proportions, and two machines of somebody else.

Everything here is a pure function of the machine's place in the fleet, so a restart sees the same hardware.
"""

from uuid import NAMESPACE_DNS, uuid5

import msgspec

MIB_PER_GIB = 1024
SYSTEM_ID_LETTERS = "abcdefghkmnpqrstwxy346789"


class Gpu(msgspec.Struct, frozen=True):
    """A GPU model: PCI ids, the name MAAS shows, the name the driver shows, memory in MiB."""

    product_id: str
    pci_name: str
    driver_name: str
    memory_mib: int


class Kind(msgspec.Struct, frozen=True):
    """One kind of machine. `share` is how many of 24 machines are of it; disks are all alike, in bytes."""

    name: str
    share: int
    cores: int
    memory_mib: int
    disks: int
    cpu_model: str
    system_product: str
    gpu: Gpu | None = None
    gpus: int = 0


DISK_BYTES = 3_840_755_982_336  # a "3.84 TB" NVMe drive
DISK_MODEL = "SAMSUNG MZQL23T8HCLS-00A07"

_H100 = Gpu("2330", "GH100 [H100 SXM5 80GB]", "NVIDIA H100 80GB HBM3", 81559)
_A100 = Gpu("20b0", "GA100 [A100 SXM4 40GB]", "NVIDIA A100-SXM4-40GB", 40960)
_L40S = Gpu("26b9", "AD102GL [L40S]", "NVIDIA L40S", 46068)
KINDS = (
    Kind("h100x8", 6, 192, 2048 * MIB_PER_GIB, 8, "Intel(R) Xeon(R) Platinum 8468", "HGX H100 8-GPU", _H100, 8),
    Kind("a100x8", 8, 128, 1024 * MIB_PER_GIB, 4, "AMD EPYC 7763 64-Core Processor", "HGX A100 8-GPU", _A100, 8),
    Kind("l40sx4", 6, 64, 512 * MIB_PER_GIB, 2, "AMD EPYC 9354 32-Core Processor", "L40S 4-GPU", _L40S, 4),
    Kind("cpu", 4, 96, 768 * MIB_PER_GIB, 2, "AMD EPYC 9474F 48-Core Processor", "Compute 1U"),
)
BY_NAME = {kind.name: kind for kind in KINDS}


class Place(msgspec.Struct, frozen=True):
    """One machine of the fleet at its first start. `number` counts from 1 and fixes ids, MAC and address."""

    number: int
    hostname: str
    kind: str
    pool: str
    owner: str | None = None


def plan(size: int) -> list[Place]:
    """`size` machines of pool `berth` in the order of KINDS, then the two foreign ones of pool `other`."""
    total = sum(kind.share for kind in KINDS)
    exact = [size * kind.share / total for kind in KINDS]
    counts = [int(value) for value in exact]
    by_remainder = sorted(range(len(KINDS)), key=lambda index: counts[index] - exact[index])
    for index in by_remainder[: size - sum(counts)]:
        counts[index] += 1
    names = [kind.name for kind, count in zip(KINDS, counts, strict=True) for _ in range(count)]
    width = max(2, len(str(size)))
    ours = [Place(n, f"node-{n:0{width}}", name, "berth") for n, name in enumerate(names, 1)]
    foreign = [
        Place(size + 1, "lab-01", "a100x8", "other", owner="alice"),
        Place(size + 2, "lab-02", "cpu", "other"),
    ]
    return [*ours, *foreign]


def system_id(number: int) -> str:
    """The six characters MAAS would have drawn; distinct for every number."""
    rest, letters = (number * 7_654_321 + 98_765_431) % len(SYSTEM_ID_LETTERS) ** 6, []
    for _ in range(6):
        rest, digit = divmod(rest, len(SYSTEM_ID_LETTERS))
        letters.append(SYSTEM_ID_LETTERS[digit])
    return "".join(letters)


def uuid_for(label: str) -> str:
    """A UUID that is the same at every start."""
    return str(uuid5(NAMESPACE_DNS, f"{label}.hall.example"))


def address(number: int, ssh_port: int) -> str:
    """The loopback address of a machine: 127.S.x.y, S in 20..99 from the port, so that two checkouts rarely meet."""
    return f"127.{20 + ssh_port % 80}.{1 + number // 200}.{10 + number % 200}"


def mac_address(number: int) -> str:
    """A locally administered MAC address."""
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in (0xB0 + number // 65536, number // 256 % 256, number % 256))


def pci_address(index: int) -> str:
    """Where the GPU with this index sits."""
    return f"0000:{0x10 + index * 0x10:02x}:00.0"


def driver_gpus(number: int, kind: Kind) -> list[dict[str, str | int]]:
    """The GPUs as the node's driver reports them, for the nodes control API."""
    if kind.gpu is None:
        return []
    return [
        {
            "index": index,
            "name": kind.gpu.driver_name,
            "memory_mib": kind.gpu.memory_mib,
            "uuid": f"GPU-{uuid_for(f'gpu-{number}-{index}')}",
            "pci": pci_address(index),
        }
        for index in range(kind.gpus)
    ]
