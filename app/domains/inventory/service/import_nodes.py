"""Import: the machines of one named MAAS pool become nodes, and what MAAS says of them is kept fresh.

Two Contexts with the controller between: no call inside a transaction. It reads only; it never allocates, deploys,
releases or deletes. Machines of other pools are not even looked at. What provisioning saw while MAAS was being read is
newer and stays. A machine that vanished is marked missing, never deleted: its history and its tenants remain.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog

from app.domains.inventory import rules
from app.domains.inventory.contracts import Gpu, NodeId
from app.domains.inventory.events import NodeImported, SlotsChanged
from app.domains.inventory.repository.images import ImageRepository
from app.domains.inventory.repository.nodes import KnownNode, NodeRepository, SeenNode
from app.domains.inventory.repository.skus import SkuRepository
from app.domains.inventory.repository.slots import SlotRepository
from app.domains.inventory.rules import SkuHardware
from app.domains.inventory.service.history import note
from app.domains.inventory.service.nodes import publish_slots
from app.domains.maas.contracts import MaasMachine, SystemId
from app.domains.maas.public import MaasError, MaasGateway, node_state
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.batch import all_or_one_by_one
from app.shared.context import Context, ContextFactory
from app.shared.ids import new_id
from app.shared.records import Unread
from app.shared.use_case import use_case


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one import did, in counts of machines."""

    seen: int = 0
    added: int = 0
    changed: int = 0
    missing: int = 0
    unmatched: int = 0  # their hardware fits no type
    unreadable: int = 0  # MAAS describes them in a way that cannot be read


log = structlog.get_logger("inventory")
AT_ONCE = 4  # what one region process serves at once
PER_TRANSACTION = 20  # changed machines whose nodes are locked together: a launch may wait for one of them
UNCHANGED_PER_TRANSACTION = 500  # one statement, which waits for nobody
T = TypeVar("T")

VANISHED = "MAAS no longer shows this machine in our pool"


class ImportNodes(msgspec.Struct, frozen=True):
    """Bring the fleet up to date from this pool."""

    pool: str


class Sighting(msgspec.Struct, frozen=True):
    """What MAAS showed from `seen_from` on. `gpus` has the machines that were inspected; `skipped` could not be. The
    records of `unread` could not be read, but the machines are there."""

    seen_from: datetime
    machines: tuple[MaasMachine, ...]
    gpus: dict[str, tuple[Gpu, ...]]
    skipped: frozenset[str] = frozenset()
    unread: tuple[Unread, ...] = ()


async def import_nodes(contexts: ContextFactory, gateway: MaasGateway, pool: str) -> ImportReport:
    """Read the pool and write what changed. Raises MaasError when the list cannot be read; a single machine that
    cannot be inspected is left for the next import."""
    async with contexts() as ctx:
        seen_from = await ctx.now()
        known = await NodeRepository(ctx.session).list_known()
    machines = tuple(machine for machine in await gateway.list_machines(pool=pool) if machine.pool == pool)
    unread = gateway.unread.get("machines/", ())
    unclear = [machine.system_id for machine in machines if _is_unclear(known.get(machine.system_id), machine)]
    gpus = await _inspect(gateway, unclear)
    skipped = frozenset(unclear) - gpus.keys()
    return await record(contexts, Sighting(seen_from, machines, gpus, skipped, unread))


@use_case(Permission.PLATFORM_NODE_MANAGE, AuditAction.NODE_IMPORT, lambda command, _result: command.pool)
async def ask_import(ctx: Context, command: ImportNodes) -> ImportNodes:
    """The operator's right to import now, on record."""
    return command


def _is_unclear(known: KnownNode | None, machine: MaasMachine) -> bool:
    if known is None:
        return True
    return rules.needs_inspection(known.hardware, known.maas_state, machine, node_state(machine.status))


async def _inspect(gateway: MaasGateway, system_ids: Sequence[SystemId]) -> dict[str, tuple[Gpu, ...]]:
    """The GPUs of each machine that answered, with at most AT_ONCE requests in flight."""
    places, found = asyncio.Semaphore(AT_ONCE), dict[str, tuple[Gpu, ...]]()

    async def ask(system_id: SystemId) -> None:
        async with places:
            try:
                devices = await gateway.gpu_devices(system_id)
            except MaasError as error:
                log.warning("a machine could not be inspected", system_id=system_id, code=error.code)
                return
        found[system_id] = tuple(
            Gpu(item.vendor_id, item.product_id, item.product_name, item.pci_address) for item in devices
        )

    async with asyncio.TaskGroup() as group:
        for system_id in system_ids:
            group.create_task(ask(system_id))
    return found


async def record(contexts: ContextFactory, sighting: Sighting) -> ImportReport:
    """Write a sighting in transactions of a bounded size; a machine that cannot be written is skipped alone. Safe to
    repeat: the same sighting changes nothing the second time."""
    async with contexts() as ctx:
        known = await NodeRepository(ctx.session).list_known()
        types = await SkuRepository(ctx.session).list_hardware()
    book = _Book(sighting, known, types)
    shown = [machine for machine in sighting.machines if machine.system_id not in sighting.skipped]

    async def write(machines: Sequence[MaasMachine]) -> None:
        async with contexts() as ctx:
            counts = await book.write(ctx, machines)
        book.counts = [have + more for have, more in zip(book.counts, counts, strict=True)]

    async def lose(system_ids: Sequence[str]) -> None:
        async with contexts() as ctx:
            lost = await book.lose(ctx, system_ids)
        book.missing += lost

    changed, same = book.sort(shown)
    for part in _parts(changed):
        await all_or_one_by_one(part, write, "a machine could not be imported")
    for ids in _parts(same, UNCHANGED_PER_TRANSACTION):
        async with contexts() as ctx:
            await NodeRepository(ctx.session).set_seen(ids, sighting.seen_from)
    names = {machine.system_id for machine in sighting.machines} | {record.about for record in sighting.unread}
    lost = [] if "" in names else [system_id for system_id in known if system_id not in names]  # "": it may be any
    for gone in _parts(lost):
        await all_or_one_by_one(gone, lose, "a machine that is gone could not be marked")
    added, rewritten, unmatched = book.counts
    return ImportReport(
        seen=len(sighting.machines),
        added=added,
        changed=rewritten,
        missing=book.missing,
        unmatched=unmatched,
        unreadable=len(sighting.unread),
    )


def _parts(items: Sequence[T], size: int = PER_TRANSACTION) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


class _Book:
    """What one import compares with, and counts."""

    def __init__(self, sighting: Sighting, known: dict[str, KnownNode], types: Sequence[SkuHardware]) -> None:
        self._sighting = sighting
        self._known = known
        self._types = types
        self.counts = [0, 0, 0]  # added, changed, unmatched
        self.missing = 0

    def sort(self, machines: Sequence[MaasMachine]) -> tuple[list[MaasMachine], list[NodeId]]:
        """The machines that have changed or are new, and the nodes of those that look as they are known. What is
        unlike under the lock is what counts; a change that is missed here is met by the next import."""
        changed, same = list[MaasMachine](), list[NodeId]()
        for machine in machines:
            node = self._known.get(machine.system_id)
            seen = _seen(machine, node, self._sighting.gpus.get(machine.system_id), self._types)
            if node is not None and _is_same(node, seen):
                same.append(node.id)
                self.counts[2] += seen.sku_id is None
            else:
                changed.append(machine)
        return changed, same

    async def write(self, ctx: Context, machines: Sequence[MaasMachine]) -> tuple[int, int, int]:
        """These machines, in one transaction; how many were added, changed, have no type."""
        seen_from = self._sighting.seen_from
        ours = await NodeRepository(ctx.session).lock_known(seen_from, [machine.system_id for machine in machines])
        added = changed = unmatched = 0
        same: list[NodeId] = []
        for machine in machines:
            node, before = self._known.get(machine.system_id), ours.get(machine.system_id)
            seen = _seen(machine, node, self._sighting.gpus.get(machine.system_id), self._types)
            unmatched += seen.sku_id is None
            if node is None:
                added += await _add(ctx, seen, seen_from)
            elif before is not None and _is_same(before, seen):
                same.append(before.id)
            elif before is not None:
                await _change(ctx, before, seen, seen_from)
                changed += 1
        await NodeRepository(ctx.session).set_seen(same, seen_from)
        return added, changed, unmatched

    async def lose(self, ctx: Context, system_ids: Sequence[str]) -> int:
        """Machines that the pool no longer shows; how many were there before."""
        ours = await NodeRepository(ctx.session).lock_known(self._sighting.seen_from, system_ids)
        gone = [node for node in ours.values() if node.maas_state != "missing"]
        for node in gone:
            await _lose(ctx, node, self._sighting.seen_from)
        return len(gone)


def _seen(
    machine: MaasMachine, known: KnownNode | None, gpus: tuple[Gpu, ...] | None, types: Sequence[SkuHardware]
) -> SeenNode:
    known_gpus = gpus if gpus is not None else known.gpus if known else ()
    match = rules.match_sku(machine.cpu_count, machine.memory_mib, known_gpus, types)
    return SeenNode(
        id=known.id if known else NodeId(new_id()),
        system_id=machine.system_id,
        hostname=machine.hostname,
        zone=machine.zone,
        sku_id=match.sku_id,
        sku_problem=match.problem,
        address=machine.ip_addresses[0] if machine.ip_addresses else None,
        maas_state=node_state(machine.status),
        maas_message=machine.status_message[:200],
        power_state=machine.power_state,
        hardware=rules.hardware_of(machine),
        cpu_count=machine.cpu_count,
        memory_mib=machine.memory_mib,
        gpus=known_gpus,
        disks=rules.group_disks([disk.size_bytes for disk in machine.disks]),
    )


def _is_same(before: KnownNode, seen: SeenNode) -> bool:
    names = ("hostname", "zone", "sku_id", "sku_problem", "maas_state", "maas_message", "address", "power_state")
    same = all(getattr(before, name) == getattr(seen, name) for name in (*names, "hardware", "gpus"))
    return before.state != "missing" and same


async def _add(ctx: Context, seen: SeenNode, seen_from: datetime) -> bool:
    if not await NodeRepository(ctx.session).append_node(seen, seen_from):
        return False
    await SlotRepository(ctx.session).append_slots(seen.id, seen.gpus)
    await note(ctx, seen.id, "imported", seen.sku_problem or "")
    await ctx.emit(NodeImported(node_id=seen.id, sku_id=seen.sku_id), version=1)
    event = SlotsChanged(node_id=seen.id, sku_id=seen.sku_id, free_slots=max(1, len(seen.gpus)))
    await ctx.emit(event, version=1)
    return True


async def _change(ctx: Context, before: KnownNode, seen: SeenNode, seen_from: datetime) -> None:
    """Write the difference. A rebuilt machine gets new slots only when none is held; until then it has no type."""
    if before.gpus != seen.gpus:
        held = (await SlotRepository(ctx.session).list_slots([before.id]))[before.id]
        if any(slot.allocation_id is not None for slot in held):
            kept = {"gpus": before.gpus, "hardware": before.hardware, "sku_id": None}
            seen = msgspec.structs.replace(seen, **kept, sku_problem="its GPUs changed while somebody uses it")
        else:
            await SlotRepository(ctx.session).replace_slots(before.id, seen.gpus)
    if before.hardware != seen.hardware:
        await ImageRepository(ctx.session).forget_warm(before.id)
    state = rules.state_when_seen(before.state, is_seen=True)
    reason = before.state_reason if state == before.state else None
    if state != before.state:
        await note(ctx, before.id, "seen_again")
    if before.sku_id != seen.sku_id:
        await note(ctx, before.id, "type_changed", seen.sku_problem or "")
    await publish_slots(ctx, before.id, await NodeRepository(ctx.session).update_seen(seen, state, reason, seen_from))


async def _lose(ctx: Context, node: KnownNode, seen_from: datetime) -> None:
    changed = await NodeRepository(ctx.session).set_observed(node.id, "missing", node.address, seen_from)
    if rules.state_when_seen(node.state, is_seen=False) == "missing":
        changed = await NodeRepository(ctx.session).set_state(node.id, "missing", VANISHED, seen_from)
        await note(ctx, node.id, "missing", VANISHED)
    await publish_slots(ctx, node.id, changed)
