"""Where a new allocation goes: the order in which the free shapes of a fleet are tried. Pure; it claims nothing.

A shape is what a node has free; a fleet of thousands has a handful of them, so the choice costs the same at any size.
What counts, in this order:

1. A whole machine takes a node that nobody is on. Slots go to a node that is shared already; only when none fits is a
   whole node broken, the smallest one.
2. The least growth of fragmentation: of the free GPUs that a usual request could not have (fragmentation gradient
   descent: Weng et al., "Beware of Fragmentation", USENIX ATC 2023, sections 4 and 5).
3. The fewest free GPUs, then CPUs, then memory (best fit), so that room stays together.

Which of the nodes of a shape is taken, the query decides: one that has the image warm, then the first name. Warmth
never outranks fit: a warm start saves seconds once, a broken whole node is missing for weeks.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple


class Resources(NamedTuple):
    """What a node has free, or what a request wants: GPUs, CPUs (in thousandths) and memory (MiB). A slice of a machine
    reserves only its GPUs, so in the product the other two are 0."""

    gpus: int
    cpus: int = 0
    memory: int = 0

    def fits(self, free: "Resources") -> bool:
        """Whether a node with this much free can take the request."""
        return self.gpus <= free.gpus and self.cpus <= free.cpus and self.memory <= free.memory

    def less(self, request: "Resources") -> "Resources":
        """What remains after the request."""
        return Resources(self.gpus - request.gpus, self.cpus - request.cpus, self.memory - request.memory)


class Shape(NamedTuple):
    """`nodes` nodes that have the same free: shared ones, or whole machines that nobody is on."""

    free: Resources
    shared: bool = True
    nodes: int = 1


class Workload:
    """What is usually requested, each with its share of all requests; fragmentation is measured against it."""

    def __init__(self, usual: Iterable[tuple[Resources, float]]) -> None:
        self._usual = tuple(usual)
        self._known: dict[Resources, float] = {}

    def fragmentation(self, free: Resources) -> float:
        """How many of these free GPUs a usual request cannot have, on average: all of them where it does not fit."""
        known = self._known.get(free)
        if known is None:
            unusable = sum(share for request, share in self._usual if not request.fits(free))
            known = self._known[free] = free.gpus * unusable
        return known

    def gradient(self, free: Resources, request: Resources) -> float:
        """How much fragmentation grows when the request takes its part of `free`; negative when it shrinks."""
        return self.fragmentation(free.less(request)) - self.fragmentation(free)


@cache
def usual_slices(gpus: int) -> Workload:
    """Requests for slices of a machine of so many GPUs: 1, 2, 4 … of them, each as often as the others."""
    sizes = [1 << power for power in range(max(1, gpus).bit_length())]
    return Workload((Resources(size), 1 / len(sizes)) for size in sizes)


def rank(request: Resources, shapes: Sequence[Shape], usual: Workload, *, whole: bool = False) -> list[Shape]:
    """The shapes that fit, the best first. `whole`: the request is for a machine that nobody is on. The order of
    `shapes` does not matter. Raises ValueError for a request of nothing."""
    if whole:
        return sorted(shape for shape in shapes if not shape.shared and request.fits(shape.free))
    if min(request) < 0 or not any(request):
        raise ValueError("a placement needs at least one slot")
    fitting = [shape for shape in shapes if request.fits(shape.free)]
    return sorted(fitting, key=lambda shape: (not shape.shared, usual.gradient(shape.free, request), shape.free))


def explain(chosen: Shape, *, whole: bool = False) -> str:
    """Why this shape, in plain text that operators and customers may read."""
    count = _counted(chosen.nodes, "node")
    if whole:
        return f"fits {count} that nobody is on"
    if chosen.shared:
        return f"fits {count} shared already with {_counted(chosen.free.gpus, 'free slot')}"
    return f"fits no shared node; {count} that nobody is on, one becomes a shared one"


def warmth(hostname: str, *, is_warm: bool) -> str:
    """Whether the node starts fast, in words."""
    return f"{hostname} has the image warm" if is_warm else f"{hostname} has to load the image"


def refusal(sku_code: str, slots: int | None, *, in_service: int) -> str:
    """Why nothing fits, in one sentence for operators and customers."""
    if in_service == 0:
        return f"No {sku_code} is in service."
    if slots is None:
        return f"No whole {sku_code} is free: {_counted(in_service, 'node')} in service, all in use."
    return f"No {sku_code} has {_counted(slots, 'slot')} free together."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
