"""Placement: examples of each trade-off, and properties that hold for every fleet."""

import random
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.inventory.contracts import NodeId, NodeView
from app.domains.provisioning.rules.placement import NoPlacement, Placement, PlacementRequest, place

SKU, IMAGE = "h100x8", "ubuntu/noble"


def node(name: str, free: int = 8, total: int = 8, *, warm: bool = False, **fields: object) -> NodeView:
    values: dict[str, object] = {
        "node_id": NodeId(UUID(int=sum(name.encode()))),
        "name": name,
        "sku": SKU,
        "state": "ready",
        "free_slots": tuple(range(total - free, total)),
        "total_slots": total,
        "warm_images": frozenset({IMAGE}) if warm else frozenset(),
    }
    return NodeView(**(values | fields))  # type: ignore[arg-type]


def shared(name: str, free: int, *, warm: bool = False) -> NodeView:
    return node(name, free, warm=warm, deployed_as_shared=True)


def choose(slots: int | None, *nodes: NodeView) -> Placement:
    chosen = place(PlacementRequest(SKU, IMAGE, slots), nodes)
    assert isinstance(chosen, Placement), chosen
    return chosen


def refuse(slots: int | None, *nodes: NodeView) -> str:
    chosen = place(PlacementRequest(SKU, IMAGE, slots), nodes)
    assert isinstance(chosen, NoPlacement), chosen
    return chosen.reason


def test_a_whole_machine_takes_a_warm_node_and_says_so() -> None:
    chosen = choose(None, node("node-01"), node("node-02"), node("node-07", warm=True), node("node-09"))
    assert (chosen.name, chosen.slots, chosen.whole) == ("node-07", tuple(range(8)), True)
    assert chosen.reason == "fits 4 free nodes; node-07 has the image warm"


def test_a_whole_machine_never_takes_a_shared_node_even_when_it_is_empty() -> None:
    assert "all in use" in refuse(None, shared("node-01", 8), node("node-02", 7))


def test_slots_go_to_the_shared_node_with_the_least_room_that_fits() -> None:
    chosen = choose(2, shared("node-01", 6), shared("node-02", 2), shared("node-03", 1), node("node-04"))
    assert (chosen.name, chosen.slots, chosen.breaks_whole_node) == ("node-02", (6, 7), False)


def test_fit_outranks_warmth() -> None:
    assert choose(2, shared("node-01", 6, warm=True), shared("node-02", 3)).name == "node-02"


def test_warmth_decides_among_equals_and_then_the_name() -> None:
    assert choose(2, shared("node-01", 3), shared("node-02", 3, warm=True)).name == "node-02"
    assert choose(2, shared("node-02", 3), shared("node-01", 3)).name == "node-01"


def test_a_whole_node_is_broken_only_when_no_shared_node_fits_and_then_the_smallest() -> None:
    small = node("node-09", 4, 4)
    chosen = choose(3, shared("node-01", 2), node("node-02", warm=True), small)
    assert (chosen.name, chosen.slots, chosen.breaks_whole_node) == ("node-09", (0, 1, 2), True)
    assert "becomes a shared one" in chosen.reason


@pytest.mark.parametrize("slots", [None, 1])
@pytest.mark.parametrize("flaw", [{"cordoned": True}, {"state": "quarantined"}, {"state": "new"}, {"sku": "a100x8"}])
def test_an_unfit_node_is_never_taken(slots: int | None, flaw: dict[str, object]) -> None:
    unfit = (node("node-01", **flaw), node("node-02", deployed_as_shared=True, **flaw))
    assert refuse(slots, *unfit) == "no h100x8 is in service"


def test_a_partly_used_node_that_is_not_shared_takes_no_slots() -> None:
    assert "the most on one shared node is 1" in refuse(2, node("node-01", 5), shared("node-02", 1))


def test_more_slots_than_a_node_has_are_refused_with_the_limit() -> None:
    assert refuse(9, node("node-01")) == "one h100x8 has 8 slots; 9 were asked for"


@pytest.mark.parametrize("slots", [0, -1])
def test_less_than_one_slot_is_a_mistake(slots: int) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        place(PlacementRequest(SKU, IMAGE, slots), [node("node-01")])


@st.composite
def node_views(draw: st.DrawFn, number: int) -> NodeView:
    total = draw(st.sampled_from([4, 8]))
    return NodeView(
        node_id=NodeId(UUID(int=number + 1)),
        name=f"node-{number:02}",
        sku=draw(st.sampled_from([SKU, SKU, SKU, "a100x8"])),
        state=draw(st.sampled_from(["ready", "ready", "ready", "quarantined", "deploying"])),
        free_slots=tuple(draw(st.permutations(sorted(draw(st.sets(st.integers(0, total - 1))))))),
        total_slots=total,
        warm_images=frozenset(draw(st.sets(st.sampled_from([IMAGE, "custom/ml-noble"])))),
        deployed_as_shared=draw(st.booleans()),
        cordoned=draw(st.sampled_from([False, False, True])),
    )


fleets = st.integers(0, 8).flatmap(lambda size: st.tuples(*(node_views(number) for number in range(size))))
requests = st.builds(PlacementRequest, st.just(SKU), st.just(IMAGE), st.none() | st.integers(1, 9))


@given(requests, fleets)
def test_what_is_placed_was_free_on_a_healthy_node_of_the_wanted_type(
    request: PlacementRequest, fleet: tuple[NodeView, ...]
) -> None:
    chosen = place(request, fleet)
    if isinstance(chosen, NoPlacement):
        assert chosen.reason
        return
    taken = next(view for view in fleet if view.node_id == chosen.node_id)
    assert (taken.sku, taken.state, taken.cordoned) == (SKU, "ready", False)
    assert set(chosen.slots) <= set(taken.free_slots)
    assert len(set(chosen.slots)) == len(chosen.slots) == (request.slots or taken.total_slots)
    assert chosen.whole is (request.slots is None)
    if chosen.whole or chosen.breaks_whole_node:
        assert len(taken.free_slots) == taken.total_slots
        assert not taken.deployed_as_shared


@given(requests, fleets, st.integers())
def test_the_order_of_the_fleet_does_not_matter(
    request: PlacementRequest, fleet: tuple[NodeView, ...], seed: int
) -> None:
    shuffled = list(fleet)
    random.Random(seed).shuffle(shuffled)
    assert place(request, shuffled) == place(request, fleet)


@given(requests, fleets, st.integers(0, 7))
def test_a_smaller_fleet_never_fits_what_the_larger_does_not(
    request: PlacementRequest, fleet: tuple[NodeView, ...], gone: int
) -> None:
    if isinstance(place(request, fleet), NoPlacement):
        assert isinstance(place(request, fleet[:gone] + fleet[gone + 1 :]), NoPlacement)


@given(fleets, st.integers(2, 9))
def test_where_more_slots_fit_fewer_fit_too(fleet: tuple[NodeView, ...], slots: int) -> None:
    if isinstance(place(PlacementRequest(SKU, IMAGE, slots), fleet), Placement):
        assert isinstance(place(PlacementRequest(SKU, IMAGE, slots - 1), fleet), Placement)


@given(fleets, st.integers(1, 8))
def test_a_whole_node_is_broken_only_when_no_healthy_shared_node_fits(fleet: tuple[NodeView, ...], slots: int) -> None:
    chosen = place(PlacementRequest(SKU, IMAGE, slots), fleet)
    if isinstance(chosen, Placement) and chosen.breaks_whole_node:
        without = [view for view in fleet if view.deployed_as_shared]
        assert isinstance(place(PlacementRequest(SKU, IMAGE, slots), without), NoPlacement)


@given(fleets, st.integers(1, 8))
def test_no_other_shared_node_would_have_fitted_tighter(fleet: tuple[NodeView, ...], slots: int) -> None:
    chosen = place(PlacementRequest(SKU, IMAGE, slots), fleet)
    if isinstance(chosen, NoPlacement) or chosen.breaks_whole_node:
        return
    room = {view.node_id: len(view.free_slots) for view in fleet}
    cordoned = [
        msgspec.structs.replace(view, cordoned=view.cordoned or len(view.free_slots) >= room[chosen.node_id])
        for view in fleet
        if view.deployed_as_shared
    ]
    assert isinstance(place(PlacementRequest(SKU, IMAGE, slots), cordoned), NoPlacement)
