"""What a member handed out ends with their right to hand it out: invitations, service accounts, webhooks."""

import pytest
from sqlalchemy import text

from app.domains.auth.contracts.customers import SuspendPerson
from app.domains.auth.errors import InvitationClosed
from app.domains.auth.public import suspend_person
from app.domains.auth.service import invitations, received_invitations, sponsors, team
from app.domains.auth.service.invitations import InviteMember
from app.domains.auth.service.received_invitations import AnswerInvitation
from app.domains.auth.service.team import RemoveMember, SetRole
from app.domains.notification.service import deliveries
from tests.domains.auth.test_tokens import _credentials, _token
from tests.domains.auth.world import join
from tests.fixtures.app import expire

WAYS = ["removed", "lowered", "suspended"]


@pytest.fixture
async def ada(sign_in_as):
    return await sign_in_as("ada")


@pytest.fixture
async def ben(sign_in_as, runtime, ada):
    return await join(runtime, ada, await sign_in_as("ben"), "tenant_admin")


@pytest.fixture
async def end(sign_in_as, open_context, runtime, ada, ben):
    """Ben may hand out nothing any more, one way or another."""
    olga = await sign_in_as("olga", operator=True)

    async def end(way: str) -> None:
        async with open_context(olga.actor if way == "suspended" else ada.actor) as ctx:
            if way == "removed":
                await team.remove_member(ctx, RemoveMember(user_id=ben.actor.id))
            elif way == "lowered":
                await team.set_role(ctx, SetRole(user_id=ben.actor.id, role="tenant_member"))
            else:
                await suspend_person(ctx, SuspendPerson(user_id=ben.actor.id, suspend=True, reason="for the test"))
        await expire(runtime)  # what is kept for five seconds

    return end


async def audited(open_context, action: str) -> list[dict[str, object]]:
    async with open_context() as ctx:
        rows = text("SELECT details FROM admin.audit_logs WHERE action = :action ORDER BY id")
        return list(await ctx.session.scalars(rows, {"action": action}))


@pytest.mark.parametrize("way", WAYS)
async def test_an_invitation_is_void_with_its_senders_right_and_another_admin_may_send_it_again(
    sign_in_as, runtime, open_context, ada, ben, end, way: str
) -> None:
    second = await sign_in_as("bens-second")
    async with open_context(ben.actor) as ctx:
        sent = await invitations.invite(ctx, InviteMember(email="bens-second@example.com", role="tenant_admin"))
    await end(way)
    with pytest.raises(InvitationClosed, match="can no longer invite"):
        async with open_context(second.actor) as ctx:
            await received_invitations.accept(ctx, AnswerInvitation(invitation_id=sent.invitation_id))
    assert await sponsors.revoke_unsponsored(runtime) == 1
    assert await sponsors.revoke_unsponsored(runtime) == 0
    assert len(await audited(open_context, "team.invitation_void")) == 1
    async with open_context(ada.actor) as ctx:
        again = await invitations.invite(ctx, InviteMember(email="bens-second@example.com", role="tenant_admin"))
    async with open_context(second.actor) as ctx:
        assert (
            await received_invitations.accept(ctx, AnswerInvitation(invitation_id=again.invitation_id))
        ).state == "accepted"


async def test_an_owners_invitation_to_own_is_void_when_they_may_only_administer(sign_in_as, open_context, ada) -> None:
    guest, cora = await sign_in_as("guest"), await sign_in_as("cora")
    async with open_context(ada.actor) as ctx:
        await team.grant(ctx, ada.actor.tenant_id, cora.actor.id, team.Role.TENANT_OWNER, None)
        sent = await invitations.invite(ctx, InviteMember(email="guest@example.com", role="tenant_owner"))
        await team.set_role(ctx, SetRole(user_id=ada.actor.id, role="tenant_admin"))
    with pytest.raises(InvitationClosed):
        async with open_context(guest.actor) as ctx:
            await received_invitations.accept(ctx, AnswerInvitation(invitation_id=sent.invitation_id))


@pytest.mark.parametrize("way", WAYS)
async def test_a_service_account_stops_with_its_makers_right_until_an_admin_takes_it_over(
    client, runtime, open_context, ada, ben, end, way: str
) -> None:
    old = await _credentials(ben)
    bearer = {"authorization": f"Bearer {await _token(client, *old)}"}
    assert (await client.get("/api/v1/me", headers=bearer)).status_code == 200
    await end(way)
    refused = await client.get("/api/v1/me", headers=bearer)
    assert (refused.status_code, "nobody answers for it" in refused.text) == (401, True)
    fields = {"grant_type": "client_credentials", "client_id": old[0], "client_secret": old[1]}
    assert (await client.post("/oauth/token", data=fields)).status_code == 401
    assert await sponsors.revoke_unsponsored(runtime) == 2  # the credential and the account
    assert len(await audited(open_context, "service_account.credential_end")) == 1
    assert len(await audited(open_context, "service_account.pause")) == 1
    [account] = (await ada.client.get("/api/v1/service-accounts")).json()["items"]
    assert "An admin can take it over" in account["ended"]
    assert "Create a credential to become its sponsor" in (await ada.client.get(f"/team/accounts/{account['id']}")).text
    path = f"/api/v1/service-accounts/{account['id']}/credentials"
    new = (await ada.post_json(path, None)).json()
    bearer = {"authorization": f"Bearer {await _token(client, new['client_id'], new['client_secret'])}"}
    assert (await client.get("/api/v1/me", headers=bearer)).status_code == 200
    assert (await client.post("/oauth/token", data=fields)).status_code == 401


async def test_a_credential_that_somebody_made_on_anothers_account_ends_alone(client, runtime, ada, ben, end) -> None:
    kept = await _credentials(ada)
    [account] = (await ada.client.get("/api/v1/service-accounts")).json()["items"]
    path = f"/api/v1/service-accounts/{account['id']}/credentials"
    lost = (await ben.post_json(path, None)).json()
    taken_back = (await ada.post_json(path, None)).json()
    await end("removed")
    fields = {"grant_type": "client_credentials"}
    for (client_id, secret), status in (
        (kept, 200),
        ((taken_back["client_id"], taken_back["client_secret"]), 200),
        ((lost["client_id"], lost["client_secret"]), 401),
    ):
        answer = await client.post("/oauth/token", data=fields | {"client_id": client_id, "client_secret": secret})
        assert answer.status_code == status


@pytest.mark.parametrize("way", WAYS)
async def test_a_webhook_stops_with_the_right_of_who_answers_for_it(
    runtime, open_context, ada, ben, end, way: str
) -> None:
    body = {"url": "https://hooks.example.com/berth", "description": "", "kinds": []}
    made = (await ben.post_json("/api/v1/webhooks", body)).json()
    await end(way)
    assert await deliveries.disable_unsponsored(runtime) == 1
    assert await deliveries.disable_unsponsored(runtime) == 0
    assert len(await audited(open_context, "webhook.pause")) == 1
    page = await ada.client.get(f"/settings/webhooks/{made['id']}")
    assert "its sponsor may no longer manage webhooks" in page.text
    assert (await ada.post(f"/settings/webhooks/{made['id']}/on")).status_code == 303
    assert await deliveries.disable_unsponsored(runtime) == 0
