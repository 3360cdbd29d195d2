"""Many hands at once on a real database, with real commits: an owner is left, an invitation is one."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text

from app.domains.auth.service import invitations, received_invitations, team
from app.domains.auth.service.invitations import InviteMember
from app.domains.auth.service.received_invitations import AnswerInvitation
from app.domains.auth.service.team import LeaveOrganisation, RemoveMember, SetRole
from app.shared.errors import DomainError
from tests.domains.auth.world import join
from tests.fixtures.app import tenant_of

pytestmark = pytest.mark.commits
HANDS = 32
OWNERS = text("SELECT count(*) FROM auth.memberships WHERE tenant_id = :tenant_id AND role = 'tenant_owner'")


async def _all(runtime, calls) -> list[object]:
    async def one(actor, use_case, command) -> object:
        try:
            async with runtime.context(actor) as ctx:
                return await use_case(ctx, command)
        except DomainError as refusal:
            return refusal

    return await asyncio.gather(*(one(*call) for call in calls))


async def _owners(open_context, tenant_id) -> int:
    async with open_context() as ctx:
        return await ctx.session.scalar(OWNERS, {"tenant_id": tenant_id})


@pytest.mark.parametrize(
    "way",
    [
        "leave",
        "remove each other",
        pytest.param("demote each other", marks=pytest.mark.slow),
        pytest.param("demote oneself", marks=pytest.mark.slow),
    ],
)
async def test_of_four_owners_in_thirty_two_hands_one_stays(sign_in_as, runtime, open_context, way: str) -> None:
    owners = [await sign_in_as(name) for name in ("ada", "ben", "carol", "dora")]
    for guest in owners[1:]:
        await join(runtime, owners[0], guest, "tenant_owner")
    calls = []
    for number in range(HANDS):
        actor, other = owners[number % 4].actor, owners[(number // 4 + number + 1) % 4].actor
        calls.append(
            {
                "leave": (actor, team.leave, LeaveOrganisation()),
                "demote each other": (actor, team.set_role, SetRole(user_id=other.id, role="tenant_member")),
                "remove each other": (actor, team.remove_member, RemoveMember(user_id=other.id)),
                "demote oneself": (actor, team.set_role, SetRole(user_id=actor.id, role="tenant_admin")),
            }[way]
        )
    answers = await _all(runtime, calls)
    assert await _owners(open_context, tenant_of(owners[0])) >= 1
    assert any(isinstance(answer, DomainError) for answer in answers)


async def test_an_address_invited_by_many_hands_at_once_is_invited_once(sign_in_as, runtime, open_context) -> None:
    ada = await sign_in_as("ada")
    command = InviteMember(email="ben@example.com", role="tenant_member")
    answers = await _all(runtime, [(ada.actor, invitations.invite, command)] * HANDS)
    assert len({answer.invitation_id for answer in answers}) == 1
    assert [answer.is_new for answer in answers].count(True) == 1


async def test_an_invitation_accepted_by_many_hands_at_once_is_one_membership(
    sign_in_as, runtime, open_context
) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    async with open_context(ada.actor) as ctx:
        sent = await invitations.invite(ctx, InviteMember(email="ben@example.com", role="tenant_member"))
    answer = AnswerInvitation(invitation_id=sent.invitation_id)
    answers = await _all(runtime, [(ben.actor, received_invitations.accept, answer)] * 8)
    assert {getattr(one, "state", one) for one in answers} == {"accepted"}
    async with open_context() as ctx:
        granted = text("SELECT count(*) FROM shared.outbox_events WHERE name = 'berth.v1.auth.membership.granted'")
        assert await ctx.session.scalar(granted) == 3  # Ada and Ben at home, Ben at Ada's


async def test_the_database_itself_refuses_to_lose_the_last_owner(sign_in_as, database) -> None:
    ada = await sign_in_as("ada")
    statements = (
        "DELETE FROM auth.memberships WHERE tenant_id = %s",
        "UPDATE auth.memberships SET role = 'tenant_admin' WHERE tenant_id = %s",
    )
    with psycopg.connect(database.app, autocommit=True) as connection:
        for statement in statements:
            with pytest.raises(psycopg.errors.RestrictViolation, match="without an owner"):
                connection.execute(statement, (tenant_of(ada),))
