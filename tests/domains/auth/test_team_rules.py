"""Pure rules of a team, by properties: an owner is left, nobody rises by their own hand, addresses meet rightly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.auth.rules.addresses import address_key, is_address
from app.domains.auth.rules.labels import PERMISSION_LABELS, ROLE_DESCRIPTIONS, ROLE_NAMES, matrix
from app.domains.auth.rules.team import (
    GIVES,
    ORGANISATION_ROLES,
    PROJECT_ROLES,
    RANK,
    Change,
    Refusal,
    higher,
    refusal,
    version_of,
)
from app.shared.authz.permissions import GRANTS, Permission, Role, is_platform

PEOPLE = range(4)
ROLES = st.sampled_from([*ORGANISATION_ROLES, None])
TEAMS = st.fixed_dictionaries(dict.fromkeys(PEOPLE, ROLES)).filter(lambda team: Role.TENANT_OWNER in team.values())
STEPS = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), ROLES), max_size=40)


def _try(team: dict[int, Role | None], actor: int, target: int, after: Role | None) -> Refusal | None:
    return refusal(
        Change(
            actor_role=team[actor],
            holder_role=team[target],
            before=team[target],
            after=after,
            owners=list(team.values()).count(Role.TENANT_OWNER),
            is_self=actor == target,
        )
    )


@given(TEAMS, STEPS)
def test_whatever_people_try_an_owner_is_left(team, steps) -> None:
    for actor, target, after in steps:
        if _try(team, actor, target, after) is None:
            team[target] = after
        assert Role.TENANT_OWNER in team.values()


@given(TEAMS, STEPS)
def test_nobody_gives_a_role_above_their_own_or_raises_themselves(team, steps) -> None:
    for actor, target, after in steps:
        before = dict(team)
        if _try(team, actor, target, after) is not None:
            continue
        team[target] = after
        if after is not None and after is not before[target]:
            own = before[actor]
            assert own is not None and RANK[after] <= RANK[own]


@given(TEAMS, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), ROLES)
def test_only_owners_touch_owners(team, actor, target, after) -> None:
    if team[target] is Role.TENANT_OWNER and team[actor] is not Role.TENANT_OWNER:
        assert _try(team, actor, target, after) is not None


@given(st.sampled_from(PEOPLE), TEAMS)
def test_anybody_may_go_but_the_last_owner(person, team) -> None:
    alone = team[person] is Role.TENANT_OWNER and list(team.values()).count(Role.TENANT_OWNER) == 1
    assert _try(team, person, person, None) is (Refusal.LAST_OWNER if alone else None)


@given(st.sampled_from([*ORGANISATION_ROLES, None]), st.sampled_from(ORGANISATION_ROLES))
def test_a_program_never_gets_a_role_of_the_organisation(actor, role) -> None:
    change = Change(actor_role=actor, holder_role=None, before=None, after=role, owners=3, is_program=True)
    assert refusal(change) is Refusal.PROGRAM


def test_who_may_give_a_role_holds_every_permission_of_it() -> None:
    def permissions(role: Role) -> set[Permission]:
        return {permission for permission, roles in GRANTS.items() if role in roles}

    for giver, roles in GIVES.items():
        for role in roles:
            assert permissions(role) <= permissions(giver), (giver, role)
            assert RANK[role] <= RANK[giver]


@given(st.sampled_from([None, *PROJECT_ROLES]), st.sampled_from(PROJECT_ROLES))
def test_an_invitation_never_takes_something_away(before, invited) -> None:
    after = higher(before, invited)
    assert RANK[after] >= RANK[invited] and (before is None or RANK[after] >= RANK[before])


@given(st.lists(st.tuples(st.uuids(), st.sampled_from(PROJECT_ROLES)), min_size=1, max_size=5, unique=True), st.data())
def test_the_version_of_somebodys_roles_changes_when_they_do_and_not_with_their_order(roles, data) -> None:
    assert version_of(roles) == version_of(data.draw(st.permutations(roles)))
    assert version_of(roles) != version_of(roles[1:])
    assert 0 <= version_of(roles) < 10**18


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Acme.Example", "ada@acme.example"),
        ("chloé@bücher.example", "CHLOÉ@xn--bcher-kva.example"),
        ("chloe\u0301@lab.example", "chloé@lab.example"),
        ("a@lab\u3002example", "a@lab.example"),
    ],
)
def test_two_spellings_of_one_address_meet(one: str, other: str) -> None:
    assert address_key(one) == address_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a@strasse.example", "a@straße.example"),
        ("a+x@lab.example", "a@lab.example"),
        ("a.b@lab.example", "ab@lab.example"),
        ("\u0430da@lab.example", "ada@lab.example"),
        ("ada@lab.example", "ada@1ab.example"),
    ],
)
def test_two_addresses_that_only_look_alike_do_not(one: str, other: str) -> None:
    assert address_key(one) != address_key(other)


@given(st.text(max_size=40))
def test_a_key_is_its_own_key_and_nothing_is_too_odd(text) -> None:
    key = address_key(text)
    assert address_key(key) == key or not is_address(text)


@given(st.emails())
def test_ordinary_addresses_are_addresses_whatever_their_case(email) -> None:
    if is_address(email):
        assert address_key(email) == address_key(email.upper().lower())


@pytest.mark.parametrize(
    "text",
    ["", "ada", "ada@", "@x.example", "a@b", "a b@x.example", "a@x.example\nbcc: c@y.example", "a@-x.example",
     "<a@x.example>", "a@b@x.example", "a@x..example", "x" * 65 + "@x.example", "a,b@x.example"],
)  # fmt: skip
def test_what_cannot_be_mailed_is_no_address(text: str) -> None:
    assert not is_address(text)


def test_the_matrix_has_words_for_everything_and_says_what_the_table_says() -> None:
    customers = [permission for permission in Permission if not is_platform(permission)]
    assert set(PERMISSION_LABELS) == set(customers)
    assert set(ROLE_NAMES) == set(ROLE_DESCRIPTIONS) == {*ORGANISATION_ROLES, *PROJECT_ROLES}
    for permission, (words, granted) in zip(customers, matrix(), strict=True):
        assert words == PERMISSION_LABELS[permission]
        roles = (*ORGANISATION_ROLES, *PROJECT_ROLES)
        assert granted == tuple(role in GRANTS[permission] for role in roles)
