"""Writes the `nvidia-smi` command of a login of a simulated machine: a shell script that knows exactly its GPUs."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from devstack.simulators.nodes.machine import Gpu


@cache
def _template() -> str:
    return (Path(__file__).parent / "nvidia-smi.sh").read_text()


def render(gpus: Sequence[Gpu]) -> str:
    """The script for these GPUs; their texts were checked by MachineSpec.check."""
    lines = (f"{g.index}|{g.name}|{g.uuid}|{g.memory_mib}|{bus_id(g)}" for g in gpus)
    return _template().replace("@GPUS@\nBERTH_GPUS", "\n".join(lines) + "\nBERTH_GPUS")


def bus_id(gpu: Gpu) -> str:
    """The PCI address in NVIDIA's notation; MAAS may give a vendor:device pair instead, then one is made up."""
    if gpu.pci.count(":") == 2 and "." in gpu.pci:
        domain, rest = gpu.pci.split(":", 1)
        return f"{domain:0>8}:{rest}".upper()
    return f"00000000:{0x1B + gpu.index * 0x11 & 0xFF:02X}:00.0"
