"""The table of what is told: whole, filled in from ids and amounts, and told to the right people."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.auth.contracts import RoleHolder
from app.domains.notification.rules import preferences
from app.domains.notification.rules.audience import MONEY, audience
from app.domains.notification.rules.messages import BY_NAME, KINDS, Audience, find_kind
from app.domains.notification.rules.values import Choice
from app.domains.notification.service.messages import REASONS, fill
from app.registry import DOMAINS
from app.shared.authz import Role
from app.shared.authz.permissions import PLATFORM_ROLES
from app.shared.events.base import CATALOGUE
from app.web.templating import STATES
from tests.fixtures.clock import START

TENANT_ROLES = [role for role in Role if role not in PLATFORM_ROLES]
HOLDERS = st.lists(
    st.builds(
        RoleHolder,
        user_id=st.sampled_from([uuid4() for _ in range(4)]),
        role=st.sampled_from(TENANT_ROLES),
        project_id=st.sampled_from([None, uuid4()]),
    ),
    max_size=8,
)
ROOMS_TO_COME = {"appruntime", "storage"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_is_an_event_and_its_words_need_only_what_the_event_has(kind) -> None:
    assert DOMAINS
    if f"berth.v1.{kind.name}" not in CATALOGUE and kind.name.split(".")[0] in ROOMS_TO_COME:
        pytest.skip("its domain does not speak yet")
    event = CATALOGUE[f"berth.v1.{kind.name}"]
    facts: dict[str, object] = dict.fromkeys(event.__struct_encode_fields__, "x") | {"empties_at": str(START)}
    said = fill(kind, facts, {}, {}, START, "UTC")
    assert said.title and "{" not in said.title + said.text + said.href
    assert said.href.startswith("/")
    assert kind.state in STATES
    assert len(kind.title) < 60
    assert kind.only is None or set(kind.only[1]) <= set(REASONS)


def test_kinds_are_unique_and_only_narrowed_ones_ask_for_a_fact() -> None:
    assert len(BY_NAME) == len(KINDS)
    given_back = "provisioning.allocation.release_requested"
    assert find_kind(given_back, {"reason": "exhausted"}) is not None
    assert find_kind(given_back, {"reason": "customer"}) is None
    assert find_kind("billing.account.changed", {}) is None


def test_a_hostile_name_stays_a_value() -> None:
    machine = uuid4()
    facts: dict[str, object] = {"allocation_id": str(machine)}
    said = fill(KINDS[0], facts, {machine: "{person}<b>"}, {}, START, "UTC")
    assert said.title == "{person}<b> is ready"


@given(HOLDERS, st.sampled_from(KINDS))
def test_nobody_is_told_who_holds_no_role_there(holders, kind) -> None:
    project = next((holder.project_id for holder in holders if holder.project_id), None)
    somebody = uuid4()
    told = audience(kind, {"user_id": str(somebody)}, holders, project)
    assert told <= {holder.user_id for holder in holders}
    assert somebody not in told


@given(HOLDERS)
def test_money_is_told_to_those_who_look_after_it_and_to_no_one_else(holders) -> None:
    kind = BY_NAME["billing.tenant.runway_low"]
    expected = {holder.user_id for holder in holders if holder.project_id is None and holder.role in MONEY}
    assert audience(kind, {}, holders, None) == expected


def test_a_machine_is_told_to_its_user_and_the_admins_of_its_project() -> None:
    ada, ben, cleo, dan = uuid4(), uuid4(), uuid4(), uuid4()
    here, elsewhere = uuid4(), uuid4()
    holders = [
        RoleHolder(user_id=ada, role=Role.TENANT_MEMBER),
        RoleHolder(user_id=ben, role=Role.PROJECT_ADMIN, project_id=here),
        RoleHolder(user_id=cleo, role=Role.PROJECT_ADMIN, project_id=elsewhere),
        RoleHolder(user_id=dan, role=Role.TENANT_OWNER),
    ]
    kind = BY_NAME["provisioning.allocation.activated"]
    assert kind.audience is Audience.OWN
    assert audience(kind, {"user_id": str(ada)}, holders, here) == {ada, ben}


CHOICES = st.builds(lambda emails, toasts: tuple(
    Choice(kind=kind.name, email=email, toast=toast) for kind, email, toast in zip(KINDS, emails, toasts, strict=True)
), *(st.lists(st.booleans(), min_size=len(KINDS), max_size=len(KINDS)) for _ in range(2)))  # fmt: skip


@given(CHOICES)
def test_what_is_chosen_is_what_holds_and_only_differences_are_kept(choices) -> None:
    kept = preferences.differences(choices)
    assert preferences.all_choices(kept) == choices
    assert preferences.differences(preferences.all_choices({})) == {}
    assert {kind.name for kind in preferences.vital_off(choices)} == {
        one.kind for one in choices if BY_NAME[one.kind].vital and not one.email
    }
