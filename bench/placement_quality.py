"""How well GPUs are placed (C1): the share of a cluster's GPUs that are in use after 130 % of them were requested.

The nodes and requests are Alibaba's public trace of 2023 (`openb`: 1,213 nodes with GPUs; requests with their CPUs and
memory, those without a GPU too; a part of a GPU counts as a whole one), drawn at random until their GPUs add up to
130 % of the cluster; what does not fit is refused. Ours is `rules.placement.rank`; the same requests in the same order
go to the references: any node that fits, best fit, and fragmentation gradient descent with the first node among equals.
`python -m bench.placement_quality TRACE_FOLDER [--seeds N] [--json]`.
"""

import argparse
import csv
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from app.domains.provisioning.rules.placement import Resources, Shape, Workload, rank

LOAD = 1.3
Cluster = Counter[Resources]  # how many nodes have so much free
Choice = Callable[[Resources, Cluster], Resources | None]


def read_nodes(folder: Path) -> Cluster:
    """The cluster, empty."""
    with (folder / "openb_node_list_gpu_node.csv").open() as lines:
        return Counter(
            Resources(int(row["gpu"]), int(row["cpu_milli"]), int(row["memory_mib"]))
            for row in csv.DictReader(lines)
            if int(row["gpu"])
        )


def read_requests(folder: Path) -> list[Resources]:
    """Every request."""
    with (folder / "openb_pod_list_multigpu20.csv").open() as lines:
        return [
            Resources(int(row["num_gpu"]), int(row["cpu_milli"]), int(row["memory_mib"]))
            for row in csv.DictReader(lines)
        ]


def workload_of(requests: list[Resources]) -> Workload:
    """The requests, each kind with its share."""
    return Workload((request, count / len(requests)) for request, count in Counter(requests).items())


def drawn(requests: list[Resources], gpus: int, chance: random.Random) -> Iterator[Resources]:
    """Requests until they add up to that many GPUs."""
    while gpus > 0:
        request = chance.choice(requests)
        gpus -= request.gpus
        yield request


def ours(usual: Workload) -> Choice:
    """The product's rule."""

    def choose(request: Resources, cluster: Cluster) -> Resources | None:
        ranked = rank(request, [Shape(free, True, nodes) for free, nodes in cluster.items()], usual)
        return ranked[0].free if ranked else None

    return choose


def best_fit(request: Resources, cluster: Cluster) -> Resources | None:
    """The node with the least left of everything, each resource as a share of the largest node's."""
    fitting = (free for free in cluster if request.fits(free))
    return min(fitting, key=lambda free: free.gpus / 8 + free.cpus / 128_000 + free.memory / 1_048_576, default=None)


def at_random(chance: random.Random) -> Choice:
    """Any node that fits."""

    def choose(request: Resources, cluster: Cluster) -> Resources | None:
        fitting = [free for free in cluster if request.fits(free)]
        return chance.choices(fitting, [cluster[free] for free in fitting])[0] if fitting else None

    return choose


def gradient_descent(usual: Workload) -> Choice:
    """The paper's score alone; among equals the one that comes first."""

    def choose(request: Resources, cluster: Cluster) -> Resources | None:
        fitting = (free for free in cluster if request.fits(free))
        return min(fitting, key=lambda free: usual.gradient(free, request), default=None)

    return choose


def fill(choose: Choice, cluster: Cluster, requests: Iterator[Resources]) -> tuple[float, float]:
    """The percentage of GPUs in use at the end, and decisions a second."""
    cluster = Counter(cluster)
    total = sum(free.gpus * nodes for free, nodes in cluster.items())
    used = decisions = 0
    begun = time.process_time()
    for request in requests:
        decisions += 1
        free = choose(request, cluster)
        if free is None:
            continue
        cluster[free] -= 1
        if not cluster[free]:
            del cluster[free]
        cluster[free.less(request)] += 1
        used += request.gpus
    return 100 * used / total, decisions / (time.process_time() - begun)


def measure(folder: Path, seeds: int) -> Mapping[str, float]:
    """All figures, each the mean of the seeds."""
    cluster, requests = read_nodes(folder), read_requests(folder)
    gpus = sum(free.gpus * nodes for free, nodes in cluster.items())
    usual = workload_of(requests)
    found: dict[str, list[float]] = {}
    for seed in range(seeds):
        choices = {
            "random": at_random(random.Random(seed)), "best fit": best_fit, "FGD": gradient_descent(usual),
            "ours": ours(usual),
        }  # fmt: skip
        for name, choose in choices.items():
            share, speed = fill(choose, cluster, drawn(requests, int(gpus * LOAD), random.Random(seed)))
            found.setdefault(name, []).append(share)
            found.setdefault(f"{name}, decisions a second of CPU", []).append(speed)
    return {name: statistics.mean(values) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.folder, arguments.seeds)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:40} {value:10.2f}")


if __name__ == "__main__":
    main()
