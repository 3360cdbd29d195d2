"""People and teams as the tests of identity need them: everything through the real use cases."""

from uuid import UUID

from app.domains.auth.service import invitations, received_invitations
from app.domains.auth.service.invitations import InviteMember
from app.domains.auth.service.received_invitations import AnswerInvitation
from app.shared.authz import Actor
from tests.fixtures.app import Browser, expire


async def refresh(runtime, browser: Browser) -> Browser:
    """The same person with the roles and the place that they have now."""
    from app.domains.auth.public import resolve_actor

    await expire(runtime)
    token = browser.client.cookies.get(runtime.settings.web.cookie("session"))
    browser.actor = await resolve_actor(runtime, token, None)
    return browser


async def join(runtime, host: Browser, guest: Browser, role: str, project_id: UUID | None = None) -> Browser:
    """`host` invites `guest`, who accepts and stands there."""
    await invite_and_accept(runtime, host.actor, guest.actor, role, project_id)
    return await refresh(runtime, guest)


async def invite_and_accept(runtime, host: Actor, guest: Actor, role: str, project_id: UUID | None = None) -> None:
    """The use cases alone; the guest's session stands there afterwards."""
    email = f"{guest.name.lower()}@example.com"
    async with runtime.context(host) as ctx:
        invited = await invitations.invite(ctx, InviteMember(email=email, role=role, project_id=project_id))
    async with runtime.context(guest) as ctx:
        await received_invitations.accept(ctx, AnswerInvitation(invitation_id=invited.invitation_id))
