"""What a member hands out, as kinds.py holds what is a person's own."""

from collections.abc import Awaitable, Callable

from app.domains.auth.repository.handed_out import HandedOutRepository
from app.domains.auth.service import accounts, invitation_lifecycle, invitations, received_invitations, sponsors
from app.domains.auth.service.accounts import CreateServiceAccount
from app.domains.auth.service.invitations import InviteMember
from app.domains.auth.service.received_invitations import AnswerInvitation
from app.domains.notification.repository.webhooks import EndpointRepository
from app.domains.notification.schemas.webhooks import DISABLED_BECAUSE
from app.domains.notification.service import deliveries, webhooks
from app.domains.notification.service.webhooks import AddEndpoint
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import MESSAGES
from app.shared.errors import DomainError
from tests.rights.kinds import Held, bearer_of, said
from tests.rights.world import World


async def service_account(world: World) -> Held:
    if world.account_id is None:
        async with world.runtime.context(world.ben.actor) as ctx:
            command = CreateServiceAccount(name="bens", role="project_member", project_id=world.project_id)
            account_id = (await accounts.create_service_account(ctx, command)).id
        bearer = await bearer_of(world, account_id, world.ben.actor)
    else:
        bearer = await bearer_of(world, world.account_id)

    async def works() -> bool:
        return (await world.client.get("/api/v1/me", headers=bearer)).status_code == 200

    async def words() -> str:
        return await said(await world.client.get("/api/v1/me", headers=bearer))

    return Held(works, words, lambda: sponsors.revoke_unsponsored(world.runtime))


async def invitation(world: World) -> Held:
    async with world.runtime.context(world.ben.actor) as ctx:
        sent = await invitations.invite(ctx, InviteMember(email="olga@berth.example", role="tenant_admin"))

    async def works() -> bool:
        async with world.runtime.context(SYSTEM) as ctx:
            pending = await HandedOutRepository(ctx.session).list_pending(await ctx.now())
            ended = await invitation_lifecycle.inviters_ended(ctx, pending)
        return sent.invitation_id in {row.id for row in pending} - {row.id for row in ended}

    async def words() -> str:
        try:
            async with world.runtime.context(world.olga.actor) as ctx:
                await received_invitations.accept(ctx, AnswerInvitation(invitation_id=sent.invitation_id))
        except DomainError as error:
            return error.message
        return ""

    return Held(works, words)


async def webhook(world: World) -> Held:
    async with world.runtime.context(world.ben.actor) as ctx:
        command = AddEndpoint(url="https://hooks.example.com/berth", description="", kinds=())
        made = await webhooks.add_endpoint(ctx, command)

    async def works() -> bool:
        async with world.runtime.context(SYSTEM) as ctx:
            endpoint = await EndpointRepository(ctx.session).find_for_delivery(made.id)
            return endpoint.view.state == "enabled" and await deliveries.sponsor_ended(ctx, endpoint) is None

    async def words() -> str:
        async with world.runtime.context(SYSTEM) as ctx:
            endpoint = await EndpointRepository(ctx.session).find_for_delivery(made.id)
        return DISABLED_BECAUSE.get(endpoint.view.disabled_reason or "", MESSAGES["organisation_suspended"])

    return Held(works, words, lambda: deliveries.disable_unsponsored(world.runtime))


KINDS: dict[str, Callable[[World], Awaitable[Held]]] = {
    "service account": service_account,
    "invitation": invitation,
    "webhook": webhook,
}
