"""Pure decisions: states, what may be touched, dates, addresses."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.maas.contracts import MaasMachine, MachineStatus, SystemId
from app.domains.maas.rules import NodeState, api_base, event_time, may_touch, node_state


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (0, "commissioning"), (1, "commissioning"), (3, "missing"), (4, "ready"), (6, "deployed"), (8, "broken"),
        (9, "deploying"), (10, "deploying"), (11, "failed"), (12, "releasing"), (13, "failed"), (14, "erasing"),
        (15, "failed"), (16, "unknown"), (99, "unknown"),
    ],
)  # fmt: skip
def test_each_status_has_our_word(number: int, state: str) -> None:
    assert node_state(MachineStatus(number)) == state


@given(st.integers(min_value=-1000, max_value=10_000))
def test_any_number_maas_may_add_is_a_status(number: int) -> None:
    status = MachineStatus(number)
    assert int(status) == number
    assert node_state(status) in get_args(NodeState)


def test_what_is_no_number_is_no_status() -> None:
    with pytest.raises(ValueError, match="Ready"):
        MachineStatus("Ready")


@pytest.mark.parametrize(
    ("pool", "owner", "locked", "allowed"),
    [
        ("berth", None, False, True),
        ("berth", "berth", False, True),
        ("berth", "alice", False, False),
        ("berth", "berth", True, False),
        ("other", None, False, False),
        ("", None, False, False),
    ],
)
def test_only_our_pool_unlocked_and_ours_or_nobody_s(pool: str, owner: str | None, locked: bool, allowed: bool) -> None:
    machine = MaasMachine(
        system_id=SystemId("abc123"), hostname="n", status=MachineStatus.READY, pool=pool, owner=owner, locked=locked
    )
    assert may_touch(machine, pool="berth", our_name="berth") is allowed


def test_the_odd_date_of_events_is_read() -> None:
    assert event_time("Mon, 23 Nov. 2026 08:28:59") == datetime(2026, 11, 23, 8, 28, 59, tzinfo=UTC)
    assert event_time("Fri, 01 May 2026 00:00:00") == datetime(2026, 5, 1, tzinfo=UTC)
    assert event_time("Tue, 01 Sept. 2026 00:00:00") == datetime(2026, 9, 1, tzinfo=UTC)
    assert event_time("yesterday") is None
    assert event_time("Mon, 31 Feb. 2026 00:00:00") is None


@pytest.mark.parametrize(
    ("given_url", "base"),
    [
        ("http://h:5240/MAAS", "http://h:5240/MAAS/api/2.0/"),
        ("http://h:5240/MAAS/", "http://h:5240/MAAS/api/2.0/"),
        ("http://h:5240/MAAS/api/2.0", "http://h:5240/MAAS/api/2.0/"),
        ("https://h/MAAS/api/2.0/", "https://h/MAAS/api/2.0/"),
        (" http://h:5240 ", "http://h:5240/MAAS/api/2.0/"),
        ("https://gate.example/infra/MAAS//", "https://gate.example/infra/MAAS/api/2.0/"),
    ],
)
def test_the_base_url_is_understood_in_every_form(given_url: str, base: str) -> None:
    assert api_base(given_url) == base


@pytest.mark.parametrize("wrong", ["", "h:5240/MAAS", "ftp://h/MAAS", "http://u:p@h/MAAS", "http://h/MAAS?x=1"])
def test_a_wrong_base_url_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="MAAS URL"):
        api_base(wrong)
