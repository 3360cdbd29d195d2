"""A hall for tests: the demonstration's catalog, and machines as MAAS would describe them, without a MAAS."""

from collections.abc import Sequence
from uuid import UUID

from app.domains.inventory import public
from app.domains.inventory.contracts import CapacityRequest, FreeNode, Gpu
from app.domains.inventory.repository.nodes import NodeRepository
from app.domains.inventory.service.import_nodes import ImportReport, Sighting, record
from app.domains.maas.contracts import DiskInfo, GpuDevice, MaasMachine, MachineStatus, SystemId
from app.shared.authz.actor import SYSTEM
from app.shared.context import Context, Runtime
from devstack.seed import NVME, plant_catalog
from devstack.simulators.maas.fleet import BY_NAME, pci_address


def machine(number: int, kind: str = "h100x8", status: MachineStatus = MachineStatus.READY) -> MaasMachine:
    """Machine `number` of a kind of the simulated fleet."""
    made = BY_NAME[kind]
    return MaasMachine(
        system_id=SystemId(f"m{number:05}"),
        hostname=f"node-{number:03}",
        status=status,
        pool="berth",
        zone="zone-1",
        cpu_count=made.cores,
        memory_mib=made.memory_mib,
        disks=tuple(DiskInfo("nvme", f"{number}-{index}", NVME) for index in range(made.disks)),
    )


def devices(kind: str, count: int | None = None) -> list[GpuDevice]:
    """The GPUs of a kind, or `count` of them."""
    made = BY_NAME[kind]
    if made.gpu is None:
        return []
    wanted = made.gpus if count is None else count
    return [GpuDevice("10de", made.gpu.product_id, made.gpu.pci_name, pci_address(index)) for index in range(wanted)]


def facts(kind: str, count: int | None = None) -> tuple[Gpu, ...]:
    """The same as the inventory keeps them."""
    return tuple(Gpu(gpu.vendor_id, gpu.product_id, gpu.product_name, gpu.pci_address) for gpu in devices(kind, count))


async def plant(runtime: Runtime) -> None:
    """Types, prices, images."""
    async with runtime.context(SYSTEM) as ctx:
        await plant_catalog(ctx)


async def see(runtime: Runtime, kinds: Sequence[str] = ("h100x8",)) -> ImportReport:
    """MAAS shows Ready machines of these kinds, numbered from 1."""
    shown = [machine(number, kind) for number, kind in enumerate(kinds, 1)]
    gpus = {item.system_id: facts(kind) for item, kind in zip(shown, kinds, strict=True)}
    return await see_machines(runtime, shown, {str(key): value for key, value in gpus.items()})


async def see_machines(
    runtime: Runtime, shown: Sequence[MaasMachine], gpus: dict[str, tuple[Gpu, ...]]
) -> ImportReport:
    """MAAS shows exactly these."""
    async with runtime.context(SYSTEM) as ctx:
        seen_from = await ctx.now()
    return await record(lambda: runtime.context(SYSTEM), Sighting(seen_from, tuple(shown), gpus))


async def node_ids(runtime: Runtime) -> list[UUID]:
    """All nodes, by system id."""
    async with runtime.context(SYSTEM) as ctx:
        known = await NodeRepository(ctx.session).list_known()
    return [known[system_id].id for system_id in sorted(known)]


async def candidates(
    ctx: Context, sku_id: UUID, slots: int | None = None, image: str = "ubuntu/noble", tenant_id: UUID | None = None
) -> list[FreeNode]:
    """Every node that fits, in the order in which placement would take and lock them: shared ones first."""
    wanted = CapacityRequest(sku_id=sku_id, image=image, slots=slots, tenant_id=tenant_id)
    shapes = await public.free_shapes(ctx, wanted, 100)
    found: list[FreeNode] = []
    for shape in sorted(shapes, key=lambda shape: (not shape.shared, shape.free)):
        while node := await public.lock_free_node(ctx, wanted, shape, [item.node_id for item in found]):
            found.append(node)
    return [node for node in found if node.still_fits]
