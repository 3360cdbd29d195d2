"""Committed placements (C3, C4): choose a machine, take it, commit; give it back, commit. Ours beside lean SQL.

`ours` runs the statements of the inventory (shapes, lock, claim; then free) with the product's rule between them;
`reference` is the least that can be written: one statement that takes the first whole machine nobody has locked, one
that frees it, on a bare table of the same nodes. Both over psycopg, so many clients, each pair two transactions, in
turns, median of three. `decisions` is the pure rule. `python -m bench.placement [--nodes N] [--clients N] [--json]`.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.elements import TextClause

from app.domains.inventory.contracts import FreeShape
from app.domains.inventory.repository import capacity, slots
from app.domains.provisioning.rules.placement import Resources, Shape, rank, usual_slices
from app.shared.clock import process_now
from devstack.services.postgres import throwaway_cluster
from tests.fixtures.postgres import TestCluster

SECONDS, ROUNDS = 4.0, 3
NOW = process_now()
GPUS = 8
SEED = (
    """
    INSERT INTO inventory.sku_catalog (id, code, title, gpu_model, gpu_vendor_id, gpu_product_id, gpu_count, vram_gib,
        cpu_count, memory_gib, disks, network_gbps, sells_whole, sells_slots, created_at)
    VALUES (%(sku)s, 'h100x8', 'H100', 'H100', '10de', '2330', 8, 80, 192, 2048, '[]', 100, true, true, now())
    """,
    """
    INSERT INTO inventory.os_images (id, code, title, osystem, distro_series, is_default)
    VALUES (uuidv7(), 'ubuntu/noble', 'Ubuntu', 'ubuntu', 'noble', true)
    """,
    """
    INSERT INTO inventory.nodes (id, system_id, hostname, sku_id, zone, state, state_since, maas_state, maas_seen_at,
        hardware, cpu_count, memory_mib, gpus, disks, imported_at)
    SELECT uuidv7(), 'm' || n, 'node-' || lpad(n::text, 6, '0'), %(sku)s, 'zone-1', 'ready', now(), 'ready', now(), '',
           192, 2097152,
           (SELECT jsonb_agg(jsonb_build_object('vendor_id', '10de', 'product_id', '2330', 'name', 'H100 SXM5 80GB',
                                                'pci_address', '0000:0' || i || ':00.0'))
            FROM generate_series(0, 7) i), '[]', now() FROM generate_series(1, %(nodes)s) n
    """,
    """
    INSERT INTO inventory.node_resource_slots (node_id, slot_index)
    SELECT id, i FROM inventory.nodes, generate_series(0, 7) i
    """,
    """
    CREATE TABLE lean_nodes AS SELECT id, hostname, 8 AS free, NULL::uuid AS holder FROM inventory.nodes
    """,
    "ALTER TABLE lean_nodes ADD PRIMARY KEY (id)",
    "CREATE INDEX lean_free ON lean_nodes (hostname) WHERE free = 8",
    "CREATE INDEX lean_holder ON lean_nodes (holder) WHERE holder IS NOT NULL",
    "GRANT ALL ON lean_nodes TO berth_app",
)
LEAN_TAKE = """
    UPDATE lean_nodes SET free = 0, holder = %(holder)s WHERE id = (
        SELECT id FROM lean_nodes WHERE free = 8 ORDER BY hostname LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id
"""
LEAN_FREE = "UPDATE lean_nodes SET free = 8, holder = NULL WHERE holder = %(holder)s"
Pair = Callable[[AsyncConnection[tuple[object, ...]]], Awaitable[None]]


def driver_sql(statement: TextClause) -> str:
    """The statement as the driver gets it."""
    return str(statement.compile(dialect=PGDialect_psycopg()))


SHAPES = driver_sql(capacity.LIST_SHAPES[True])
LOCK = driver_sql(capacity.LOCK_WHOLE[False])
CLAIM, LOCK_NODES, FREE = driver_sql(slots.CLAIM), driver_sql(slots.LOCK_NODES), driver_sql(slots.FREE)


def ours(sku: UUID) -> Pair:
    """A whole machine, placed and given back by the inventory's statements."""
    wanted = {"sku_id": sku, "image": "ubuntu/noble", "slots": None, "tenant_id": uuid4()}

    async def pair(connection: AsyncConnection[tuple[object, ...]]) -> None:
        holder = uuid4()
        while not await _take(connection, wanted, holder):
            await connection.rollback()
        await connection.commit()
        rows = await (await connection.execute(LOCK_NODES, {"allocation_id": holder})).fetchall()
        await connection.execute(FREE, written(holder) | {"node_ids": [row[0] for row in rows]})
        await connection.commit()

    return pair


async def _take(connection: AsyncConnection[tuple[object, ...]], wanted: dict[str, object], holder: UUID) -> bool:
    found = await connection.execute(SHAPES, wanted | {"passed_over": [], "max_nodes": 100})
    free = [FreeShape(bool(row[1]), int(str(row[0])), int(str(row[2]))) for row in await found.fetchall()]
    shapes = [Shape(Resources(shape.free), shape.shared, shape.nodes) for shape in free]
    best = rank(Resources(1), shapes, usual_slices(GPUS), whole=True)[0]
    values = {"free": best.free.gpus, "shared": best.shared, "passed_over": [], "offset": 0}
    node = await (await connection.execute(LOCK, wanted | values)).fetchone()
    if node is None or not node[4]:
        return False
    claim = written(holder) | {"node_id": node[0], "entry_id": uuid4(), "indexes": None, "slots": None, "shares": False}
    taken = await (await connection.execute(CLAIM, claim | {"tenant_id": None, "image": ""})).fetchone()
    return taken is not None and taken[2] is not None


def written(holder: UUID) -> dict[str, object]:
    """Who writes, and when."""
    return {"allocation_id": holder, "now": NOW, "actor_kind": "system", "actor_id": None}


async def lean(connection: AsyncConnection[tuple[object, ...]]) -> None:
    """The same on the bare table."""
    holder = {"holder": uuid4()}
    await connection.execute(LEAN_TAKE, holder)
    await connection.commit()
    await connection.execute(LEAN_FREE, holder)
    await connection.commit()


async def run(url: str, clients: int, pair: Pair) -> tuple[float, float, float]:
    """Pairs a second, the 99th percentile of one in milliseconds, CPU-ms of the clients for one."""
    times: list[float] = []
    until = time.perf_counter() + SECONDS

    async def client() -> None:
        async with await AsyncConnection.connect(url) as connection:
            while (begun := time.perf_counter()) < until:
                await pair(connection)
                times.append(time.perf_counter() - begun)

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(clients)))
    pairs = len(times) / (time.perf_counter() - begun)
    return pairs, statistics.quantiles(times, n=100)[98] * 1000, 1000 * (time.process_time() - cpu) / len(times)


def decisions(nodes: int) -> float:
    """Decisions of the pure rule a second of CPU, over the shapes of so many nodes."""
    shapes = [Shape(Resources(free), free < GPUS, nodes // GPUS) for free in range(1, GPUS + 1)]
    begun, count = time.process_time(), 20_000
    for number in range(count):
        rank(Resources(1 + number % GPUS), shapes, usual_slices(GPUS))
    return count / (time.process_time() - begun)


async def measure(owner: str, app: str, nodes: int, clients: int) -> dict[str, float]:
    """All figures."""
    sku = uuid4()
    async with await AsyncConnection.connect(owner, autocommit=True) as connection:
        for statement in SEED:
            await connection.execute(statement.encode(), {"sku": sku, "nodes": nodes} if "%(" in statement else None)
        await connection.execute("VACUUM ANALYZE")
    found: dict[str, list[tuple[float, float, float]]] = {"ours": [], "reference": []}
    for _ in range(ROUNDS):
        found["ours"].append(await run(app, clients, ours(sku)))
        found["reference"].append(await run(app, clients, lean))
    figures = {
        f"{name} {what}": statistics.median(row[index] for row in rows)
        for name, rows in found.items()
        for index, what in enumerate(("pairs/s", "p99 ms", "client CPU-ms"))
    }
    figures["ratio"] = statistics.median(
        mine[0] / other[0] for mine, other in zip(found["ours"], found["reference"], strict=True)
    )
    return figures | {"decisions/s": decisions(nodes)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_213)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with throwaway_cluster() as server, TestCluster(server).clone("bench") as urls:
        found = asyncio.run(measure(urls.owner, urls.app, arguments.nodes, arguments.clients))
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:30} {value:12.2f}")


if __name__ == "__main__":
    main()
