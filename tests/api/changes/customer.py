"""How a customer asks for each change: their people, machines, apps, news and money."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from app.domains.auth.errors import AlreadyMember
from tests.api.changes.world import Ask, Recipe, World, new_key, plain
from tests.domains.auth.world import join
from tests.domains.notification.world import emit, paid
from tests.fixtures.app import tenant_of

if TYPE_CHECKING:
    from app.shared.authz import Actor

HOOK = "https://example.com/hook"
NEWS = """
    INSERT INTO notification.inbox_items (id, user_id, tenant_id, event_id, kind, subject_id, facts, occurred_at,
                                          created_at)
    VALUES (gen_random_uuid(), :user_id, :tenant_id, gen_random_uuid(), 'payments.payment.succeeded',
            gen_random_uuid(), '{"amount": 25000000, "currency": "USD"}', now(), now())
"""
DELIVERY = """
    INSERT INTO notification.webhook_deliveries (id, endpoint_id, tenant_id, message_id, kind, body, state, due_at,
                                                 created_at, ended_at)
    VALUES (gen_random_uuid(), :endpoint_id, :tenant_id, gen_random_uuid(), 'payments.payment.succeeded', '{}',
            'failed', now(), now(), now())
    RETURNING id
"""


# -- people --------------------------------------------------------------------------------------------------------


async def joined(w: World) -> Any:
    """Ben belongs to Ada's organisation and stands there."""
    with suppress(AlreadyMember):
        await join(w.runtime, w.ada, w.ben, "tenant_member")
    return w.ben.actor.id


async def set_role(w: World) -> Ask:
    return Ask(body={"role": "tenant_admin"}, other={"role": "billing_viewer"}, path={"user_id": await joined(w)})


async def remove_member(w: World) -> Ask:
    return Ask(path={"user_id": await joined(w)})


async def leave(w: World) -> Ask:
    await joined(w)
    return Ask("ben")


async def _invited(w: World) -> str:
    return await w.make("/team/invitations", {"email": "ben@example.com", "role": "tenant_member"})


def on_invitation(who: str) -> Recipe:
    async def recipe(w: World) -> Ask:
        return Ask(who, path={"invitation_id": await _invited(w)})

    return recipe


async def rename_project(w: World) -> Ask:
    project_id = await w.make("/projects", {"name": "mill"})
    return Ask(body={"name": "barn"}, other={"name": "farm"}, path={"project_id": project_id})


async def _account(w: World) -> str:
    return await w.make("/service-accounts", {"name": "ci"})


async def disable_account(w: World) -> Ask:
    return Ask(path={"account_id": await _account(w)})


async def add_credential(w: World) -> Ask:
    return Ask(path={"account_id": await _account(w)})


async def revoke_credential(w: World) -> Ask:
    account_id = await _account(w)
    made = await w.do("ada", "POST", f"/service-accounts/{account_id}/credentials")
    return Ask(path={"account_id": account_id, "client_id": made["client_id"]})


async def end_sessions(w: World) -> Ask:
    await w.sign_in_as("ada")
    return Ask()


async def end_session(w: World) -> Ask:
    await w.sign_in_as("ada")
    other = next(item for item in await w.items("/sessions") if not item["current"])
    return Ask(path={"session_id": other["id"]})


# -- machines ------------------------------------------------------------------------------------------------------


async def _key(w: World) -> str:
    return await w.make("/ssh-keys", {"public_key": new_key(), "name": "laptop"})


async def add_key(_w: World) -> Ask:
    return Ask(body={"public_key": new_key(), "name": "desk"}, other={"name": "lamp"})


async def rename_key(w: World) -> Ask:
    return Ask(body={"name": "desk"}, other={"name": "lamp"}, path={"key_id": await _key(w)})


async def delete_key(w: World) -> Ask:
    return Ask(path={"key_id": await _key(w)})


async def attach_key(w: World) -> Ask:
    key_id, other = await _key(w), await w.make("/ssh-keys", {"public_key": new_key(), "name": "desk"})
    return Ask(body={"key_id": key_id}, other={"key_id": other}, path={"allocation_id": await w.deployed()})


async def detach_key(w: World) -> Ask:
    key_id, machine = await _key(w), await w.deployed()
    await w.do("ada", "POST", f"/allocations/{machine}/ssh-keys", {"key_id": key_id})
    return Ask(path={"allocation_id": machine, "key_id": key_id})


async def certificate(w: World) -> Ask:
    machine = await w.deployed()
    return Ask(body={"public_key": new_key()}, other={"public_key": new_key()}, path={"allocation_id": machine})


async def release(w: World) -> Ask:
    return Ask(path={"allocation_id": await w.machine()})


async def requested(w: World) -> str:
    """A launch that has not become a machine yet."""
    return await w.make("/allocations", {"sku": "h100x8", "name": "eval"}, name="allocation_id")


async def cancel(w: World) -> Ask:
    return Ask(path={"allocation_id": await requested(w)})


# -- apps ----------------------------------------------------------------------------------------------------------


async def launch_app(w: World) -> Ask:
    return Ask(body={"app": "echo", "machine": str(await w.deployed()), "name": "one"}, other={"name": "two"})


async def _app(w: World, state: str) -> str:
    app_id = await w.make("/apps", {"app": "echo", "machine": str(await w.deployed())}, name="app_id")
    wanted = "stopped" if state == "stopped" else "running"
    statement = "UPDATE appruntime.app_instances SET state = :state, wanted = :wanted WHERE id = :id"
    await w.run(statement, state=state, wanted=wanted, id=app_id)
    return app_id


def on_app(state: str) -> Recipe:
    async def recipe(w: World) -> Ask:
        return Ask(path={"app_id": await _app(w, state)})

    return recipe


async def share_app(w: World) -> Ask:
    await joined(w)
    app_id = await _app(w, "running")
    return Ask(body={"email": "ben@example.com", "role": "viewer"}, other={"role": "user"}, path={"app_id": app_id})


async def unshare_app(w: World) -> Ask:
    user_id, app_id = await joined(w), await _app(w, "running")
    await w.do("ada", "PUT", f"/apps/{app_id}/members", {"email": "ben@example.com", "role": "viewer"})
    return Ask(path={"app_id": app_id, "user_id": user_id})


# -- news ----------------------------------------------------------------------------------------------------------


async def _news(w: World) -> str:
    actor: Actor = w.ada.actor
    for _ in range(2):
        await w.run(NEWS, user_id=actor.id, tenant_id=actor.tenant_id)
    return str((await w.items("/notifications"))[0]["id"])


async def read_one(w: World) -> Ask:
    return Ask(path={"item_id": await _news(w)})


async def read_all(w: World) -> Ask:
    return Ask(body={"until": await _news(w)}, other={"until": None})


async def preferences(w: World) -> Ask:
    kind = (await w.do("ada", "GET", "/notifications/preferences"))["choices"][0]["kind"]
    choices = [{"kind": kind, "email": False, "toast": False}]
    return Ask(body={"choices": choices}, other={"choices": [{**choices[0], "toast": True}]})


async def _hook(w: World) -> str:
    return await w.make("/webhooks", {"url": HOOK, "kinds": ["payments.payment.succeeded"]})


def on_hook(**body: Any) -> Recipe:
    async def recipe(w: World) -> Ask:
        other = {"description": "farm"} if body else {}
        return Ask(body=body or None, other=other, path={"endpoint_id": await _hook(w)})

    return recipe


async def replay_since(w: World) -> Ask:
    endpoint_id = await _hook(w)
    await emit(w.runtime, w.ada, paid(tenant_of(w.ada)))
    body = {"since": "2020-01-01T00:00:00Z"}
    await w.run(DELIVERY, endpoint_id=endpoint_id, tenant_id=w.ada.actor.tenant_id)
    return Ask(body=body, other={"since": "2020-01-02T00:00:00Z"}, path={"endpoint_id": endpoint_id})


async def replay_one(w: World) -> Ask:
    found = await w.run(DELIVERY, endpoint_id=await _hook(w), tenant_id=w.ada.actor.tenant_id)
    return Ask(path={"delivery_id": found.scalar_one()})


RECIPES: dict[str, Recipe] = {
    "POST /activity/export": plain(format="csv", other={"format": "jsonl"}),
    "PATCH /organisation": plain(name="Mill", other={"name": "Farm"}),
    "POST /projects": plain(name="mill", other={"name": "farm"}),
    "PATCH /projects/{project_id}": rename_project,
    "POST /service-accounts": plain(name="mill", other={"name": "farm"}),
    "DELETE /service-accounts/{account_id}": disable_account,
    "POST /service-accounts/{account_id}/credentials": add_credential,
    "DELETE /service-accounts/{account_id}/credentials/{client_id}": revoke_credential,
    "DELETE /sessions": end_sessions,
    "DELETE /sessions/{session_id}": end_session,
    "POST /team/invitations": plain(email="eve@example.com", role="tenant_member", other={"role": "tenant_admin"}),
    "DELETE /team/invitations/{invitation_id}": on_invitation("ada"),
    "POST /team/invitations/{invitation_id}/resend": on_invitation("ada"),
    "POST /invitations/{invitation_id}/accept": on_invitation("ben"),
    "POST /invitations/{invitation_id}/decline": on_invitation("ben"),
    "PATCH /team/members/{user_id}": set_role,
    "DELETE /team/members/{user_id}": remove_member,
    "POST /team/leave": leave,
    "POST /ssh-keys": add_key,
    "PATCH /ssh-keys/{key_id}": rename_key,
    "DELETE /ssh-keys/{key_id}": delete_key,
    "POST /allocations": plain(sku="h100x8", name="mill", other={"name": "farm"}),
    "POST /allocations/{allocation_id}/cancel": cancel,
    "POST /allocations/{allocation_id}/release": release,
    "POST /allocations/{allocation_id}/ssh-certificates": certificate,
    "POST /allocations/{allocation_id}/ssh-keys": attach_key,
    "DELETE /allocations/{allocation_id}/ssh-keys/{key_id}": detach_key,
    "POST /apps": launch_app,
    "POST /apps/{app_id}/start": on_app("stopped"),
    "POST /apps/{app_id}/stop": on_app("running"),
    "POST /apps/{app_id}/restart": on_app("running"),
    "POST /apps/{app_id}/release": on_app("running"),
    "PUT /apps/{app_id}/members": share_app,
    "DELETE /apps/{app_id}/members/{user_id}": unshare_app,
    "POST /notifications/read": read_all,
    "POST /notifications/{item_id}/read": read_one,
    "PUT /notifications/preferences": preferences,
    "POST /payments/credit": plain(amount=25_000_000, other={"amount": 30_000_000}),
    "POST /webhooks": plain(url=HOOK, description="mill", other={"description": "farm"}),
    "PATCH /webhooks/{endpoint_id}": on_hook(description="mill"),
    "DELETE /webhooks/{endpoint_id}": on_hook(),
    "POST /webhooks/{endpoint_id}/secret": on_hook(),
    "POST /webhooks/{endpoint_id}/test": on_hook(),
    "POST /webhooks/{endpoint_id}/replay": replay_since,
    "POST /webhooks/deliveries/{delivery_id}/replay": replay_one,
}
