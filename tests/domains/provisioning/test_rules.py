"""Pure rules of provisioning: the state machine, names, stand-in accounts, user-data, the verdict on GPUs."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.provisioning.errors import IllegalTransition
from app.domains.provisioning.rules import names
from app.domains.provisioning.rules.accounts import distinct
from app.domains.provisioning.rules.cloud_init import MachineIdentity, Tenant, plain_gecos, user_data
from app.domains.provisioning.rules.states import ENDED, STARTING, STATES, TRANSITIONS, move
from app.domains.provisioning.service.proving import gpu_verdict
from app.domains.releases.contracts import Gpu

GOLDEN = Path(__file__).parent / "golden"
MACHINE = MachineIdentity(
    hostname="train-07",
    management_principal="berth-mgmt:n1abcd",
    host_private="-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    host_public="ssh-ed25519 AAAA",
    host_certificate="ssh-ed25519-cert-v01@openssh.com AAAA",
)
TENANT = Tenant(login="ada", uid=20001, gecos="Ada Marsh", principal="alloc:a1:ada")


@given(st.sampled_from(STATES), st.sampled_from(STATES))
def test_a_move_is_allowed_exactly_when_the_table_says_so(state, to) -> None:
    if to in TRANSITIONS[state]:
        assert move(state, to) == to
    else:
        with pytest.raises(IllegalTransition):
            move(state, to)


@given(st.lists(st.integers(min_value=0, max_value=20), max_size=60))
def test_every_walk_ends_or_can_go_on_and_what_ended_stays(choices) -> None:
    state = "requested"
    seen_active = False
    for choice in choices:
        following = sorted(TRANSITIONS[state])
        if not following:
            break
        state = move(state, following[choice % len(following)])
        seen_active = seen_active or state == "active"
        # what was billed is given back; what never ran is failed or canceled, never "released"
        assert state != "released" or seen_active
        assert not (seen_active and state in ("failed", "canceled"))
    assert (state in ENDED) == (not TRANSITIONS[state])


def test_everything_that_starts_can_fail_and_be_canceled() -> None:
    assert all({"failed", "canceled"} <= TRANSITIONS[state] for state in STARTING)


@given(st.text(max_size=70))
def test_a_name_is_a_host_label(name) -> None:
    if names.is_name(name):
        assert 1 <= len(name) <= 63
        assert name.isascii() and name == name.lower()
        assert name[0] != "-" != name[-1]
        assert "\n" not in name


@given(st.sampled_from(["h100x8", "GPU A/100", "---", "x" * 90]), st.sets(st.integers(1, 12)))
def test_a_suggested_name_is_free_and_good(code, numbers) -> None:
    taken = {names.suggest(code, set())[:-2] + f"{number:02d}" for number in numbers}
    found = names.suggest(code, taken)
    assert found not in taken
    assert names.is_name(found)


@given(st.dictionaries(st.sampled_from(["ada", "ada-2", "ada-3", "ben"]), st.integers(20_001, 59_999), max_size=4))
def test_an_account_on_a_shared_machine_is_never_somebody_elses(taken) -> None:
    login, uid = distinct("ada", 20_001, taken)
    assert login not in taken
    assert uid not in taken.values()
    assert 20_000 < uid < 60_000
    assert len(login) <= 31


def test_the_own_account_is_kept_where_nobody_has_it() -> None:
    assert distinct("ada", 20_001, {"ben": 20_002}) == ("ada", 20_001)


@pytest.mark.parametrize(("name", "tenant"), [("whole", TENANT), ("shared", None)])
def test_user_data_is_what_was_agreed(name, tenant) -> None:
    text = user_data(MACHINE, "ssh-ed25519 CA berth user CA\n", "#!/bin/sh\nexit 0\n", tenant)
    assert text == (GOLDEN / f"user-data-{name}.txt").read_text()


@given(st.text(max_size=200), st.from_regex(r"[a-z][a-z0-9_-]{0,30}", fullmatch=True))
def test_no_value_breaks_out_of_its_place(gecos, login) -> None:
    tenant = Tenant(login=login, uid=20001, gecos=gecos, principal=f"alloc:a1:{login}")
    text = user_data(MACHINE, "ssh-ed25519 CA", "#!/bin/sh\n", tenant)
    head, _, body = text.partition("\n")
    assert head == "#cloud-config"
    config = json.loads(body)
    assert [user["name"] for user in config["users"]] == ["berth-mgmt", login]
    assert all(user["lock_passwd"] for user in config["users"])
    assert config["users"][1]["gecos"] == plain_gecos(gecos)
    assert not set(":,\n\r") & set(config["users"][1]["gecos"])


@pytest.mark.parametrize(
    ("found", "slots", "of_type", "whole", "said"),
    [
        (range(8), range(8), 8, True, None),
        (range(7), range(8), 8, True, "7 of 8 GPUs answer"),
        ((), (0,), 0, True, None),
        (range(8), (2, 3), 8, False, None),
        ((0, 1, 2), (2, 3), 8, False, "GPU 3 does not answer"),
        ((), (0,), 8, False, "GPU 0 does not answer"),
    ],
)
def test_the_gpus_that_are_paid_for_must_answer(found, slots, of_type, whole, said) -> None:
    assert gpu_verdict([Gpu(index) for index in found], list(slots), of_type, whole) == said
