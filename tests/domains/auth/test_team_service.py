"""Members and invitations on a real database: who may change what, and what follows from it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domains.auth import public
from app.domains.auth.errors import (
    AlreadyMember,
    EmailUnverified,
    InvitationClosed,
    LastOwner,
    OwnersOnly,
    RoleAboveOwn,
)
from app.domains.auth.repository import AuthRepository
from app.domains.auth.repository.rights import RightsRepository
from app.domains.auth.rules.values import InvitationQuery, MemberQuery, Visit
from app.domains.auth.service import (
    invitation_lifecycle,
    invitations,
    members,
    projects,
    received_invitations,
    team,
    workspaces,
)
from app.domains.auth.service.invitations import InviteMember, ResendInvitation, RevokeInvitation
from app.domains.auth.service.received_invitations import AnswerInvitation
from app.domains.auth.service.team import LeaveOrganisation, RemoveMember, SetRole
from app.shared.authz import Permission
from app.shared.authz.rights import Claim, Ended
from app.shared.crypto import digest
from app.shared.errors import Forbidden, NotFound, PreconditionFailed, ValidationFailed
from app.shared.ids import new_id
from tests.domains.auth.world import join, refresh
from tests.fixtures.app import tenant_of


async def _events(open_context) -> list[str]:
    async with open_context() as ctx:
        rows = await ctx.session.scalars(text("SELECT name FROM shared.outbox_events ORDER BY id"))
        return [name for name in rows if name.startswith(("berth.v1.auth.m", "berth.v1.auth.inv"))]


async def test_who_is_invited_joins_with_the_role_and_stands_there(sign_in_as, runtime, open_context) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    own = tenant_of(ben)
    await join(runtime, ada, ben, "tenant_member")
    assert tenant_of(ben) == tenant_of(ada) != own
    async with open_context(ada.actor) as ctx:
        listed = (await members.page_members(ctx, MemberQuery())).items
    assert [(member.name, member.role) for member in listed] == [("Ada", "tenant_owner"), ("Ben", "tenant_member")]
    assert (await _events(open_context))[-3:] == [
        "berth.v1.auth.invitation.sent",
        "berth.v1.auth.membership.granted",
        "berth.v1.auth.invitation.accepted",
    ]


async def test_a_first_sign_in_of_somebody_invited_makes_no_organisation(sign_in_as, runtime) -> None:
    ada = await sign_in_as("ada")
    async with runtime.context(ada.actor) as ctx:
        await invitations.invite(ctx, InviteMember(email="BEN@Example.COM", role="tenant_member"))
    ben = await sign_in_as("ben")
    assert (ben.actor.tenant_id, ben.actor.bindings) == (None, ())
    async with runtime.context(ben.actor) as ctx:
        waiting = (await received_invitations.page_received(ctx)).items
        assert [(one.role, one.invited_by_name) for one in waiting] == [("tenant_member", "Ada")]
        await received_invitations.accept(ctx, AnswerInvitation(invitation_id=waiting[0].id))
    await refresh(runtime, ben)
    assert tenant_of(ben) == tenant_of(ada)


async def test_the_same_invitation_twice_is_one_and_another_role_changes_it(sign_in_as, open_context) -> None:
    ada = await sign_in_as("ada")
    async with open_context(ada.actor) as ctx:
        first = await invitations.invite(ctx, InviteMember(email="ben@example.com", role="tenant_member"))
        twin = await invitations.invite(ctx, InviteMember(email="Ben@EXAMPLE.com", role="tenant_member"))
        other = await invitations.invite(ctx, InviteMember(email="ben@example.com", role="tenant_admin"))
        shown = (await invitations.page_sent(ctx, InvitationQuery())).items
    assert first.invitation_id == twin.invitation_id == other.invitation_id
    assert (first.is_new, twin.is_new) == (True, False)
    assert [(one.role, one.state, one.sent_count) for one in shown] == [("tenant_admin", "pending", 2)]


async def test_accepting_twice_is_fine_and_another_persons_invitation_does_not_exist(
    sign_in_as, runtime, open_context
) -> None:
    ada, ben, eve = await sign_in_as("ada"), await sign_in_as("ben"), await sign_in_as("eve")
    async with open_context(ada.actor) as ctx:
        invited = await invitations.invite(ctx, InviteMember(email="ben@example.com", role="tenant_member"))
    answer = AnswerInvitation(invitation_id=invited.invitation_id)
    with pytest.raises(NotFound):
        async with open_context(eve.actor) as ctx:
            await received_invitations.accept(ctx, answer)
    for _ in range(2):
        async with open_context(ben.actor) as ctx:
            accepted = await received_invitations.accept(ctx, answer)
        assert (accepted.state, accepted.tenant_id) == ("accepted", tenant_of(ada))
    async with open_context(ada.actor) as ctx:
        await team.remove_member(ctx, RemoveMember(user_id=ben.actor.id))
    with pytest.raises(InvitationClosed, match="already been accepted"):
        async with open_context(ben.actor) as ctx:
            await received_invitations.accept(ctx, answer)


async def test_an_address_that_is_not_proved_is_told_why(sign_in_as, open_context) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    async with open_context(ada.actor) as ctx:
        invited = await invitations.invite(ctx, InviteMember(email="ben@example.com", role="tenant_member"))
        await ctx.session.execute(text("UPDATE auth.users SET email_verified = false WHERE name = 'Ben'"))
    async with open_context(ben.actor) as ctx:
        assert (await received_invitations.page_received(ctx)).items == ()
    with pytest.raises(EmailUnverified):
        async with open_context(ben.actor) as ctx:
            await received_invitations.accept(ctx, AnswerInvitation(invitation_id=invited.invitation_id))


async def test_revoked_declined_and_expired_invitations_say_so(sign_in_as, runtime, open_context, clock) -> None:
    from datetime import UTC, datetime

    clock.instant = datetime.now(UTC)
    runtime.clock = clock
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")

    async def send() -> AnswerInvitation:
        async with open_context(ada.actor) as ctx:
            sent = await invitations.invite(ctx, InviteMember(email="ben@example.com", role="tenant_member"))
        return AnswerInvitation(invitation_id=sent.invitation_id)

    async def refused(answer: AnswerInvitation) -> str:
        with pytest.raises(InvitationClosed) as refusal:
            async with open_context(ben.actor) as ctx:
                await received_invitations.accept(ctx, answer)
        return refusal.value.message

    revoked = await send()
    async with open_context(ada.actor) as ctx:
        await invitations.revoke(ctx, RevokeInvitation(invitation_id=revoked.invitation_id))
        await invitations.revoke(ctx, RevokeInvitation(invitation_id=revoked.invitation_id))
    assert "revoked" in await refused(revoked)
    declined = await send()
    async with open_context(ben.actor) as ctx:
        await received_invitations.decline(ctx, declined)
        await received_invitations.decline(ctx, declined)
    assert "declined" in await refused(declined)
    late = await send()
    clock.advance(8 * 86_400)
    assert "expired" in await refused(late)
    async with open_context() as ctx:
        (due,) = await invitation_lifecycle.list_due(ctx)
        assert await invitation_lifecycle.expire(ctx, due) is True
        assert await invitation_lifecycle.list_due(ctx) == []
        assert await invitation_lifecycle.expire(ctx, due) is False
    async with open_context(ada.actor) as ctx:
        again = await invitations.resend(ctx, ResendInvitation(invitation_id=late.invitation_id))
        states = [one.state for one in (await invitations.page_sent(ctx, InvitationQuery())).items]
    assert states == ["pending", "expired", "declined", "revoked"]
    async with open_context(ben.actor) as ctx:
        await received_invitations.accept(ctx, AnswerInvitation(invitation_id=again.invitation_id))


async def test_what_a_mail_says_is_read_by_id_and_closed_ones_are_not_sent(sign_in_as, open_context) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    async with open_context(ada.actor) as ctx:
        sent = await invitations.invite(ctx, InviteMember(email="Ben@example.com", role="tenant_admin"))
        mail = (await public.invitation_mails(ctx, [sent.invitation_id]))[sent.invitation_id]
    assert (mail.email, mail.role_label, mail.path, mail.is_open) == ("Ben@example.com", "Admin", "/invitations", True)
    assert mail.user_id == ben.actor.id
    async with open_context(ada.actor) as ctx:
        await invitations.revoke(ctx, RevokeInvitation(invitation_id=sent.invitation_id))
        assert not (await public.invitation_mails(ctx, [sent.invitation_id]))[sent.invitation_id].is_open


async def test_nobody_gives_above_their_own_role_and_admins_leave_owners_alone(
    sign_in_as, runtime, open_context
) -> None:
    ada, ben, carol = await sign_in_as("ada"), await sign_in_as("ben"), await sign_in_as("carol")
    await join(runtime, ada, ben, "tenant_admin")
    await join(runtime, ada, carol, "tenant_member")

    async def attempt(use_case, command, kind) -> None:
        with pytest.raises(kind):
            async with open_context(ben.actor) as ctx:
                await use_case(ctx, command)

    await attempt(invitations.invite, InviteMember(email="x@example.com", role="tenant_owner"), RoleAboveOwn)
    await attempt(team.set_role, SetRole(user_id=carol.actor.id, role="tenant_owner"), RoleAboveOwn)
    await attempt(team.set_role, SetRole(user_id=ben.actor.id, role="tenant_owner"), RoleAboveOwn)
    await attempt(team.set_role, SetRole(user_id=ada.actor.id, role="tenant_member"), OwnersOnly)
    await attempt(team.remove_member, RemoveMember(user_id=ada.actor.id), OwnersOnly)
    await attempt(team.set_role, SetRole(user_id=carol.actor.id, role="project_admin"), ValidationFailed)
    await attempt(invitations.invite, InviteMember(email="carol@example.com", role="tenant_admin"), AlreadyMember)
    async with open_context(ada.actor) as ctx:
        owners = await invitations.invite(ctx, InviteMember(email="x@example.com", role="tenant_owner"))
    await attempt(invitations.revoke, RevokeInvitation(invitation_id=owners.invitation_id), RoleAboveOwn)
    with pytest.raises(Forbidden):
        async with open_context(carol.actor) as ctx:
            await invitations.invite(ctx, InviteMember(email="y@example.com", role="tenant_member"))


async def test_the_last_owner_stays_an_owner(sign_in_as, runtime, open_context) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    await join(runtime, ada, ben, "tenant_member")

    async def attempt(use_case, command) -> None:
        with pytest.raises(LastOwner):
            async with open_context(ada.actor) as ctx:
                await use_case(ctx, command)

    await attempt(team.leave, LeaveOrganisation())
    await attempt(team.remove_member, RemoveMember(user_id=ada.actor.id))
    await attempt(team.set_role, SetRole(user_id=ada.actor.id, role="tenant_admin"))
    await attempt(team.set_role, SetRole(user_id=ada.actor.id, role=None))
    async with open_context(ada.actor) as ctx:
        await team.set_role(ctx, SetRole(user_id=ben.actor.id, role="tenant_owner"))
        await ctx.session.execute(text("UPDATE auth.users SET suspended_at = now() WHERE name = 'Ben'"))
    await attempt(team.leave, LeaveOrganisation())  # the other owner is suspended: that one cannot act
    async with open_context(ada.actor) as ctx:
        await ctx.session.execute(text("UPDATE auth.users SET suspended_at = NULL"))
        await team.leave(ctx, LeaveOrganisation())


async def test_who_is_removed_stands_in_their_own_organisation_again_and_may_do_nothing_here(
    sign_in_as, runtime, open_context
) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    own = tenant_of(ben)
    await join(runtime, ada, ben, "tenant_member")
    stay = Claim(
        principal_id=ben.actor.id,
        permission=Permission.TERMINAL_OPEN,
        tenant_id=tenant_of(ada),
        project_id=ada.actor.project_id,
    )
    async with open_context() as ctx:
        assert await public.rights_ended(ctx, [stay]) == {}
        assert await public.session_tenants(ctx, [ben.actor.session_id]) == {ben.actor.session_id: tenant_of(ada)}
    async with open_context(ada.actor) as ctx:
        await team.remove_member(ctx, RemoveMember(user_id=ben.actor.id))
    me = (await ben.client.get("/api/v1/me")).json()  # the cached answer was deleted
    assert me["tenant_id"] == str(own)
    async with open_context() as ctx:
        assert await public.rights_ended(ctx, [stay]) == {stay: Ended("no_role")}
        assert await public.session_tenants(ctx, [ben.actor.session_id]) == {ben.actor.session_id: own}


async def test_a_removed_members_command_line_ends_there_and_goes_on_at_home(sign_in_as, runtime, open_context) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    home = (tenant_of(ben), ben.actor.project_id)
    await join(runtime, ada, ben, "tenant_member")
    sessions = {}
    async with open_context() as ctx:
        now = await ctx.now()
        for name, place in (("home", home), ("away", (tenant_of(ada), ada.actor.project_id))):
            sessions[name] = new_id()
            visit = Visit(user_agent="berth-cli/1 (laptop)", address="127.0.0.1")
            await AuthRepository(ctx.session).append_session(
                sessions[name], digest(name), ben.actor.id, place, "cli", visit, now, now + timedelta(days=1)
            )
    async with open_context(ada.actor) as ctx:
        await team.remove_member(ctx, RemoveMember(user_id=ben.actor.id))
    async with open_context() as ctx:
        now = await ctx.now()
        over = await RightsRepository(ctx.session).list_over(list(sessions.values()), now)
        assert over == {sessions["away"]: "removed from the organisation"}


async def test_who_has_only_project_roles_is_led_to_a_project_that_is_left(sign_in_as, runtime, open_context) -> None:
    from app.domains.auth.service.projects import CreateProject

    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    async with open_context(ada.actor) as ctx:
        second = await projects.create_project(ctx, CreateProject(name="second"))
    first = ada.actor.project_id
    await join(runtime, ada, ben, "project_member", first)
    async with open_context(ada.actor) as ctx:
        await team.set_role(ctx, SetRole(user_id=ben.actor.id, role="project_viewer", project_id=second.id))
        await team.set_role(ctx, SetRole(user_id=ben.actor.id, role=None, project_id=first))
    await refresh(runtime, ben)
    assert ben.actor.project_id != first
    async with open_context(ben.actor) as ctx:
        found = [
            place.project_name for place in await workspaces.list_workspaces(ctx) if place.tenant_id == tenant_of(ada)
        ]
    assert found == ["second"]


async def test_a_change_that_was_decided_on_something_older_is_refused(sign_in_as, runtime, open_context) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    await join(runtime, ada, ben, "tenant_member")
    async with open_context(ada.actor) as ctx:
        seen = (await members.get_member(ctx, ben.actor.id)).version
        await team.set_role(ctx, SetRole(user_id=ben.actor.id, role="tenant_billing", version=seen))
    with pytest.raises(PreconditionFailed):
        async with open_context(ada.actor) as ctx:
            await team.set_role(ctx, SetRole(user_id=ben.actor.id, role="tenant_admin", version=seen))
