"""C3, C4: committed placements beside lean SQL, and decisions of the pure rule (bench/placement.py measures)."""

from bench import placement
from bench.figure import Figure
from tests.fixtures.postgres import copied_cluster

TRACE_NODES, MANY, CLIENTS = 1_213, 5_000, 32


async def measure() -> list[Figure]:
    figures = []
    for nodes in (TRACE_NODES, MANY):
        with copied_cluster() as cluster, cluster.clone("bench") as urls:
            found = await placement.measure(urls.owner, urls.app, nodes, CLIENTS)
        figures += [
            Figure(row="C3", what=f"placed and released, {nodes:,} nodes, 32 clients", ours=found["ours pairs/s"],
                   unit="pairs/s", reference=found["reference pairs/s"], reference_name="lean SQL", target=">= 0.8x",
                   limit=0.8, less=False),
            Figure(row="C3", what=f"the same, p99, {nodes:,} nodes", ours=found["ours p99 ms"], unit="ms",
                   reference=found["reference p99 ms"], reference_name="lean SQL", target="<= 50 ms", limit=50,
                   absolute=True),
        ]  # fmt: skip
    decided = Figure(
        row="C4", what="decisions of the rule at 5,000 nodes", ours=placement.decisions(MANY), unit="1/s of CPU",
        target=">= 1,350/s", limit=1_350, less=False,
    )  # fmt: skip
    return [*figures, decided]
