"""The figures of the fleet and the watch over time: pure, with properties that hold for any fleet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.domains.inventory.contracts import NODE_STATES, FleetNode, NodeId
from app.domains.inventory.rules.maintenance import TRANSITIONS, may_follow, stuck_nodes
from app.domains.provisioning.rules.fleet import NODE_WORDS, figures, node_word, slot_kinds
from app.domains.provisioning.rules.states import STATES
from app.domains.provisioning.rules.stuck import AUTOMATIC, sla_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SLAS = {"quarantined": 100, "missing": 50, "maintenance": 200, "cordoned": 300}


def node(**changes: object) -> FleetNode:
    """A free node of eight slots in service."""
    made = FleetNode(
        id=NodeId(uuid4()), system_id="abc123", hostname="node-01", zone="zone-1", sku_code="h100x8",
        sku_title="H100", state="ready", state_reason=None, state_since=NOW, cordoned_at=None, cordon_reason=None,
        drain_since=None, drain_deadline=None, maintenance_until=None, maas_state="ready", power_state="off",
        deployed_as_shared=False, holders=(None,) * 8,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def held(states: dict[UUID, str], holders: tuple[UUID | None, ...], **changes: object) -> tuple[str, tuple[str, ...]]:
    made = node(holders=holders, maas_state="deployed", **changes)
    kinds = slot_kinds(made, states)
    return node_word(made, kinds), kinds


def test_each_slot_says_what_it_is() -> None:
    mine, theirs = uuid4(), uuid4()
    states = {mine: "active", theirs: "configuring"}
    word, kinds = held(states, (mine, theirs, None, None), deployed_as_shared=True)
    assert (word, kinds) == ("deploying", ("used", "coming", "free", "free"))
    word, kinds = held({mine: "releasing"}, (mine,) * 4)
    assert (word, set(kinds)) == ("cleaning", {"going"})
    assert slot_kinds(node(maas_state="erasing"), {}) == ("going",) * 8
    assert slot_kinds(node(cordoned_at=NOW), {}) == ("drain",) * 8
    assert slot_kinds(node(state="quarantined"), {}) == ("repair",) * 8
    assert slot_kinds(node(maintenance_until=NOW), {}) == ("repair",) * 8
    assert slot_kinds(node(sku_code=None), {}) == ("off",) * 8


def test_sold_and_scattered_look_at_what_is_in_service() -> None:
    one = uuid4()
    fleet = [
        node(),
        node(holders=(one, one, None, None, None, None, None, None), deployed_as_shared=True, maas_state="deployed"),
        node(state="quarantined"),
    ]
    found = figures([(item, slot_kinds(item, {one: "active"})) for item in fleet])
    assert (found.nodes, found.slots_in_service, found.sold_slots) == (3, 16, 2)
    assert (found.free_slots, found.scattered_slots) == (14, 6)
    assert found.words == {"ready": 1, "in_use": 1, "repair": 1}


nodes = st.builds(
    lambda state, cordoned, shared, maas, holders, sku: node(
        state=state, cordoned_at=NOW if cordoned else None, cordon_reason="why" if cordoned else None,
        deployed_as_shared=shared, maas_state=maas, holders=tuple(holders), sku_code=sku,
    ),
    st.sampled_from(NODE_STATES), st.booleans(), st.booleans(),
    st.sampled_from(["ready", "deployed", "erasing", "failed", "missing"]),
    st.lists(st.sampled_from([None, UUID(int=1), UUID(int=2), UUID(int=3)]), min_size=1, max_size=8),
    st.sampled_from([None, "h100x8"]),
)  # fmt: skip


@given(st.lists(nodes, max_size=12), st.sampled_from(STATES), st.sampled_from(STATES))
def test_the_counts_add_up_and_nothing_out_of_service_is_free(fleet: list[FleetNode], one: str, two: str) -> None:
    drawn = [(item, slot_kinds(item, {UUID(int=1): one, UUID(int=2): two})) for item in fleet]
    found = figures(drawn)
    assert sum(found.words.values()) == found.nodes == len(fleet)
    assert set(found.words) <= set(NODE_WORDS)
    assert 0 <= found.scattered_slots <= found.free_slots <= found.slots_in_service - found.sold_slots
    for item, kinds in drawn:
        assert len(kinds) == len(item.holders)
        if item.state != "ready" or item.cordoned_at is not None or item.sku_code is None:
            assert "free" not in kinds


# -- time --------------------------------------------------------------------------------------------------------------


def test_a_type_with_runs_teaches_how_long_its_states_may_last() -> None:
    assert sla_of("provisioning", 2_700, {}, 3, 60) == msgspec.structs.replace(sla_of("placing", 2_700, {}, 3, 60))
    learned = sla_of("provisioning", 2_700, {"deploy": 120.0}, 3, 60)
    assert (learned.seconds, learned.learned) == (360, True)
    assert sla_of("provisioning", 2_700, {"deploy": 2.0}, 3, 60).seconds == 60
    assert sla_of("provisioning", 2_700, {"deploy": 5_000.0}, 3, 60).learned is False
    assert sla_of("configuring", 600, {"configure": 1.0}, 3, 60).learned is False  # a step is not known yet


@given(
    st.sampled_from([state for state in STATES if state in AUTOMATIC]),
    st.integers(0, 100_000),
    st.floats(0, 1e6),
    st.integers(1, 100),
    st.integers(0, 1_000),
)
def test_no_state_may_last_longer_than_policy(state, policy: int, usual: float, factor: int, least: int) -> None:
    steps = dict.fromkeys(("place", "deploy", "configure", "probe", "activate", "close", "erase"), usual)
    assert sla_of(state, policy, steps, factor, least).seconds <= policy


def test_a_node_is_told_once_it_is_past_its_time() -> None:
    late, fresh = NOW - timedelta(seconds=101), NOW - timedelta(seconds=99)
    fleet = [
        node(hostname="late", state="quarantined", state_reason="no SSH", state_since=late),
        node(hostname="fresh", state="quarantined", state_reason="no SSH", state_since=fresh),
        node(hostname="planned", state="maintenance", state_since=NOW - timedelta(days=3),
             maintenance_until=NOW + timedelta(hours=1)),
        node(hostname="forgotten", state="maintenance", state_reason="PSU", state_since=NOW - timedelta(days=3)),
    ]  # fmt: skip
    found = stuck_nodes(fleet, SLAS, NOW)
    assert [(item.node.hostname, item.what) for item in found] == [
        ("forgotten", "maintenance"), ("late", "quarantined"),
    ]  # fmt: skip
    assert found[1].reason == "no SSH" and found[1].automatic


def test_a_drain_is_late_after_its_deadline_and_done_when_nobody_is_left() -> None:
    seen_from = NOW - timedelta(seconds=120)
    place = {"cordoned_at": seen_from, "cordon_reason": "disk", "drain_since": seen_from}
    deadline = {"drain_deadline": NOW - timedelta(seconds=1)}
    on_it = {"holders": (uuid4(), None)}
    assert stuck_nodes([node(**place, **deadline, **on_it)], SLAS, NOW)[0].what == "draining"
    assert stuck_nodes([node(**place, **deadline)], SLAS, NOW) == []
    assert stuck_nodes([node(**place, **on_it)], SLAS, NOW) == []  # without a deadline: by policy


def test_retired_is_for_good_and_every_other_state_has_a_way_back() -> None:
    assert TRANSITIONS["retired"] == frozenset()
    for state in NODE_STATES:
        assert not may_follow(state, state)
        if state not in ("retired", "ready"):
            assert may_follow(state, "ready") and may_follow(state, "retired")
