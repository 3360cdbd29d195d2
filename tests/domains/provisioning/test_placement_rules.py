"""Placement: examples of each trade-off, and properties that hold for every fleet."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.provisioning.rules.placement import (
    Resources,
    Shape,
    Workload,
    explain,
    rank,
    refusal,
    usual_slices,
    warmth,
)

USUAL = usual_slices(8)


def shared(free: int, nodes: int = 1) -> Shape:
    return Shape(Resources(free), True, nodes)


def whole(free: int = 8, nodes: int = 1) -> Shape:
    return Shape(Resources(free), False, nodes)


def best(slots: int | None, *shapes: Shape) -> Shape | None:
    return next(iter(rank(Resources(slots or 1), shapes, USUAL, whole=slots is None)), None)


def test_a_whole_machine_takes_the_smallest_node_that_nobody_is_on() -> None:
    assert best(None, shared(8), whole(8), whole(4)) == whole(4)
    assert best(None, shared(8)) is None


def test_slots_go_to_the_shared_node_with_the_least_room_that_fits() -> None:
    assert best(2, shared(6), shared(2), shared(1), whole()) == shared(2)


def test_room_that_would_become_useless_is_left_alone() -> None:
    """Of three free GPUs one would remain, which nobody asks for here; of four a pair remains."""
    pairs = Workload([(Resources(2), 1.0)])
    assert rank(Resources(2), [shared(3), shared(4)], pairs)[0] == shared(4)
    assert (pairs.gradient(Resources(3), Resources(2)), pairs.gradient(Resources(4), Resources(2))) == (1, 0)


def test_processors_and_memory_count_like_gpus() -> None:
    tight = Shape(Resources(4, 2_000, 4_096))
    roomy = Shape(Resources(4, 64_000, 262_144))
    usual = Workload([(Resources(1, 8_000, 8_192), 1.0)])
    assert rank(Resources(1, 1_000, 1_024), [roomy, tight], usual) == [tight, roomy]
    assert rank(Resources(1, 8_000, 1_024), [roomy, tight], usual) == [roomy]
    assert usual.fragmentation(tight.free) == 4


def test_a_whole_node_is_broken_only_when_no_shared_node_fits_and_then_the_smallest() -> None:
    assert best(3, shared(2), whole(8), whole(4)) == whole(4)
    assert best(3, shared(7), whole(4)) == shared(7)


@pytest.mark.parametrize("slots", [0, -1])
def test_less_than_one_slot_is_a_mistake(slots: int) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        rank(Resources(slots), [whole()], USUAL)


def test_the_choice_and_its_refusal_are_explained() -> None:
    assert explain(whole(nodes=4), whole=True) == "fits 4 nodes that nobody is on"
    assert explain(shared(1)) == "fits 1 node shared already with 1 free slot"
    assert "one becomes a shared one" in explain(whole())
    assert warmth("node-07", is_warm=True) == "node-07 has the image warm"
    assert refusal("h100x8", None, in_service=0) == "No h100x8 is in service."
    assert refusal("h100x8", None, in_service=2) == "No whole h100x8 is free: 2 nodes in service, all in use."
    assert refusal("h100x8", 5, in_service=2) == "No h100x8 has 5 slots free together."


shapes = st.builds(
    Shape,
    st.builds(Resources, st.integers(0, 8), st.integers(0, 64), st.integers(0, 64)),
    st.booleans(),
    st.integers(1, 5_000),
)
fleets = st.lists(shapes, max_size=12)
sizes = st.builds(Resources, st.integers(1, 8), st.integers(0, 64), st.integers(0, 64))
workloads = st.lists(st.tuples(sizes, st.integers(1, 9).map(lambda parts: Fraction(parts, 10))), max_size=6)


@given(sizes, fleets, workloads, st.booleans())
def test_what_is_chosen_fits_and_everything_that_fits_is_ranked(request_, fleet, usual, is_whole) -> None:
    ranked = rank(request_, fleet, Workload(usual), whole=is_whole)
    assert all(request_.fits(shape.free) for shape in ranked)
    able = [shape for shape in fleet if request_.fits(shape.free) and not (is_whole and shape.shared)]
    assert sorted(ranked) == sorted(able)


@given(sizes, fleets, workloads, st.booleans(), st.integers())
def test_the_order_of_the_fleet_does_not_matter(request_, fleet, usual, is_whole, seed) -> None:
    shuffled = list(fleet)
    random.Random(seed).shuffle(shuffled)
    usual = Workload(usual)
    keys = [[shape[:2] for shape in rank(request_, each, usual, whole=is_whole)] for each in (fleet, shuffled)]
    assert keys[0] == keys[1]


@given(sizes, fleets, workloads)
def test_no_other_shape_of_its_kind_would_have_fragmented_less(request_, fleet, usual) -> None:
    usual = Workload(usual)
    ranked = rank(request_, fleet, usual)
    for kind in (True, False):
        growth = [usual.gradient(shape.free, request_) for shape in ranked if shape.shared is kind]
        assert growth == sorted(growth)
    if ranked and not ranked[0].shared:
        assert not any(shape.shared for shape in ranked)


@given(sizes, sizes, workloads)
def test_fragmentation_is_what_a_usual_request_cannot_have(free, request_, usual) -> None:
    measured = Workload(usual).fragmentation(free)
    assert 0 <= measured <= free.gpus * sum(share for _, share in usual)
    assert Workload([(request_, 1)]).fragmentation(free) == (0 if request_.fits(free) else free.gpus)
