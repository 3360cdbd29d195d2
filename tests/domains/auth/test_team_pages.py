"""The team's pages and API as a person and a program use them: who may, what is shown, what a refusal says."""

import re
import secrets
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.domains.auth.world import join, refresh
from tests.fixtures.app import Browser, expire, tenant_of


async def send(browser: Browser, method: str, path: str, body: object = None, **headers: str):
    """One call of the API with the session's cookie."""
    wanted = {
        "sec-fetch-site": "same-origin",
        "x-csrftoken": browser.csrf,
        "x-idempotency-key": secrets.token_hex(8),
        **headers,
    }
    return await browser.client.request(method, path, json=body, headers=wanted)


async def test_an_invitation_goes_from_the_form_to_the_other_persons_page(sign_in_as, runtime) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    answer = await ada.post("/team/invitations", email="Ben@Example.com", role="tenant_member", project="")
    assert (answer.status_code, answer.headers["location"]) == (303, "/team/invitations")
    shown = (await ada.client.get("/team/invitations")).text
    assert "Ben@Example.com" in shown and "Pending" in shown
    assert "Ben@Example.com" in (await ada.client.get("/team")).text
    waiting = (await ben.client.get("/invitations")).text
    assert "Ada&#39;s organisation" in waiting
    path = re.search(r'action="(/invitations/[0-9a-f-]+/accept)"', waiting)
    assert path is not None
    assert (await ben.post(path[1])).headers["location"] == "/"
    await refresh(runtime, ben)
    assert tenant_of(ben) == tenant_of(ada)
    assert "Ben" in (await ada.client.get("/team")).text


async def test_a_project_role_needs_a_project_and_an_address_must_be_one(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    for fields, name in (
        ({"email": "x@example.com", "role": "project_viewer", "project": ""}, "project"),
        ({"email": "nobody", "role": "tenant_member", "project": ""}, "email"),
        ({"email": "x@example.com", "role": "emperor", "project": ""}, "role"),
    ):
        answer = await ada.post("/team/invitations", **fields)
        assert answer.status_code == 422
        assert f"{name}:" in answer.text


async def test_the_last_owner_is_told_why_and_sees_no_form_for_it(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    shown = await ada.client.get(f"/team/members/{ada.actor.id}")
    assert "You are the only owner" in shown.text.replace("&#39;", "'")
    assert "Leave" not in shown.text
    answer = await ada.post(f"/team/members/{ada.actor.id}/role", role="tenant_member")
    assert answer.status_code == 409
    assert "at least one owner" in answer.text


async def test_roles_are_changed_taken_and_given_on_a_persons_page(sign_in_as, runtime) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    await join(runtime, ada, ben, "tenant_member")
    path, project = f"/team/members/{ben.actor.id}", str(ada.actor.project_id)
    assert (await ada.post(f"{path}/role", role="tenant_billing")).status_code == 303
    assert "Billing" in (await ada.client.get(path)).text
    assert (await ada.post(f"{path}/role", role="project_viewer", project=project)).status_code == 303
    assert "Project viewer" in (await ada.client.get(path)).text
    assert (await ada.post(f"{path}/role", role="", project=project)).status_code == 303
    stale = await ada.post(f"{path}/role", role="tenant_member", version="1")
    assert stale.status_code == 412
    wrong = await ada.post(f"{path}/remove", confirm_name="somebody")
    assert (wrong.status_code, "ben@example.com" in wrong.text) == (422, True)
    assert (await ada.post(f"{path}/remove", confirm_name="ben@example.com")).headers["location"] == "/team"
    assert (await ada.client.get(path)).status_code == 404


async def test_whoever_leaves_their_only_organisation_is_welcomed_to_begin_one(sign_in_as, runtime) -> None:
    ada = await sign_in_as("ada")
    await ada.post("/team/invitations", email="ben@example.com", role="tenant_member", project="")
    ben = await sign_in_as("ben")
    assert (await ben.client.get("/")).headers["location"] == "/invitations"
    welcome = (await ben.client.get("/invitations")).text
    assert "Welcome to Berth" in welcome and "create your own organisation" in welcome
    await ben.post(re.search(r'action="(/invitations/[0-9a-f-]+/accept)"', welcome)[1])
    await ben.post("/team/leave")
    assert (await ben.client.get("/")).headers["location"] == "/invitations"
    made = await ben.post("/organisations", name="Ben's lab")
    assert made.headers["location"] == "/"
    await refresh(runtime, ben)
    assert tenant_of(ben) != tenant_of(ada)
    assert "Ben&#39;s lab" in (await ben.client.get("/settings/organisation")).text


async def test_who_owns_a_suspended_organisation_is_told_and_cannot_begin_another(sign_in_as, open_context) -> None:
    ada = await sign_in_as("ada")
    async with open_context() as ctx:
        await ctx.session.execute(
            text("UPDATE auth.tenants SET suspended_at = now() WHERE id = :id"), {"id": tenant_of(ada)}
        )
    again = await sign_in_as("ada")
    assert again.actor.tenant_id is None
    shown = (await again.client.get("/invitations")).text
    assert "is suspended" in shown and "Create organisation" not in shown
    assert (await again.post("/organisations", name="Another")).status_code == 403


async def test_the_menu_of_places_switches_and_a_foreign_project_does_not_exist(sign_in_as, runtime) -> None:
    ada, eve = await sign_in_as("ada"), await sign_in_as("eve")
    first = ada.actor.project_id
    assert (await ada.post("/settings/organisation/projects", name="vision")).status_code == 303
    projects = (await ada.client.get("/api/v1/projects")).json()["items"]
    second = next(one["id"] for one in projects if one["name"] == "vision")
    assert f'value="{second}"' in (await ada.client.get("/team")).text
    assert (await ada.post("/place", project=second)).headers["location"] == "/"
    me = (await ada.client.get("/api/v1/me")).json()
    assert me["project_id"] == second != str(first)
    for project in (str(eve.actor.project_id), str(uuid4())):
        assert (await ada.post("/place", project=project)).status_code == 404
    assert (await ada.post("/place", project="x")).status_code == 422


async def test_the_secret_of_a_credential_is_shown_once_and_ends_with_its_account(sign_in_as, client, runtime) -> None:
    ada = await sign_in_as("ada")
    made = await ada.post("/team/accounts", name="ci", role="project_member", project=str(ada.actor.project_id))
    path = made.headers["location"]
    shown = await ada.post(f"{path}/credentials")
    values = re.findall(r'data-copy="([^"]+)"', shown.text)
    client_id, secret = values[0], values[1]
    assert secret not in (await ada.client.get(path)).text
    fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    token = (await client.post("/oauth/token", data=fields)).json()["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    assert (await client.get("/api/v1/me", headers=bearer)).status_code == 200
    assert "never" not in re.search(r"Last used.*?</dd>", (await ada.client.get(path)).text, re.S)[0]
    other = await ada.post(f"{path}/disable", confirm_name="no")
    assert other.status_code == 422
    assert (await ada.post(f"{path}/disable", confirm_name="ci")).headers["location"] == "/team/accounts"
    await expire(runtime)  # what is kept for five seconds
    assert (await client.get("/api/v1/me", headers=bearer)).status_code == 401
    assert (await client.post("/oauth/token", data=fields)).status_code == 401
    assert "disabled" in (await ada.client.get("/team/accounts?disabled=1")).text


async def test_a_revoked_credential_ends_its_tokens_and_leaves_the_others(sign_in_as, client, runtime) -> None:
    ada, eve = await sign_in_as("ada"), await sign_in_as("eve")
    account = (await ada.post_json("/api/v1/service-accounts", {"name": "ci"})).json()
    path = f"/api/v1/service-accounts/{account['id']}/credentials"
    tokens = []
    for _ in range(2):
        made = (await ada.post_json(path, None)).json()
        fields = {"grant_type": "client_credentials", "client_id": made["client_id"]}
        answer = await client.post("/oauth/token", data={**fields, "client_secret": made["client_secret"]})
        tokens.append((made["client_id"], {"authorization": f"Bearer {answer.json()['access_token']}"}))
    assert (await send(eve, "DELETE", f"{path}/{tokens[0][0]}")).status_code == 404
    for _ in range(2):
        assert (await send(ada, "DELETE", f"{path}/{tokens[0][0]}")).status_code == 200
    await expire(runtime)
    assert [(await client.get("/api/v1/me", headers=bearer)).status_code for _, bearer in tokens] == [401, 200]
    listed = (await ada.client.get(path, params={"limit": 1})).json()
    assert len(listed["items"]) == 1 and listed["next_cursor"]
    assert "secret" not in str(listed).lower()


async def test_etags_of_members_organisation_and_projects_refuse_what_was_seen_too_early(sign_in_as, runtime) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    await join(runtime, ada, ben, "tenant_member")
    member = f"/api/v1/team/members/{ben.actor.id}"
    project = f"/api/v1/projects/{ada.actor.project_id}"
    for path, body in (
        (member, {"role": "tenant_billing"}),
        ("/api/v1/organisation", {"name": "Acme"}),
        (project, {"name": "vision"}),
    ):
        seen = (await ada.client.get(path)).headers["etag"]
        first = await send(ada, "PATCH", path, body, **{"if-match": seen})
        assert first.status_code == 200, first.text
        assert first.headers["etag"] != seen
        late = await send(ada, "PATCH", path, body, **{"if-match": seen})
        assert (late.status_code, late.json()["error"]["code"]) == (412, "version_changed")
    assert (await ada.client.get("/api/v1/organisation")).json()["name"] == "Acme"


async def test_members_are_paged_filtered_and_searched(sign_in_as, runtime) -> None:
    ada = await sign_in_as("ada")
    for name, role in (("ben", "tenant_admin"), ("carol", "tenant_member"), ("dora", "tenant_member")):
        await join(runtime, ada, await sign_in_as(name), role)

    async def names(**query) -> tuple[list[str], str | None]:
        found = (await ada.client.get("/api/v1/team/members", params=query)).json()
        return [item["name"] for item in found["items"]], found["next_cursor"]

    first, cursor = await names(limit=3)
    assert first == ["Ada", "Ben", "Carol"]
    assert await names(limit=3, cursor=cursor) == (["Dora"], None)
    assert (await names(role="tenant_member"))[0] == ["Carol", "Dora"]
    assert (await names(q="DORA@"))[0] == ["Dora"]
    assert (await ada.client.get("/api/v1/team/members", params={"cursor": "x"})).status_code == 422


async def test_sessions_are_listed_with_their_place_and_all_others_end_at_once(sign_in_as) -> None:
    ada, other, third = await sign_in_as("ada"), await sign_in_as("ada"), await sign_in_as("ada")
    listed = (await ada.client.get("/api/v1/sessions")).json()["items"]
    assert len(listed) == 3
    assert {one["tenant_name"] for one in listed} == {"Ada's organisation"}
    assert [one["current"] for one in listed].count(True) == 1
    assert "End all other sessions" in (await ada.client.get("/settings/sessions")).text
    assert (await ada.post("/settings/sessions/revoke-others")).status_code == 303
    assert [(await one.client.get("/api/v1/me")).status_code for one in (ada, other, third)] == [200, 401, 401]
    assert (await send(ada, "DELETE", "/api/v1/sessions")).json() == {"count": 0}


READS = ("/api/v1/team/members", "/api/v1/team/invitations", "/api/v1/organisation", "/api/v1/projects", "/team",
         "/team/roles", "/team/invitations", "/settings/organisation")  # fmt: skip
CHANGES = (
    ("POST", "/api/v1/team/invitations", {"email": "x@example.com"}),
    ("POST", "/api/v1/projects", {"name": "x"}),
    ("PATCH", "/api/v1/organisation", {"name": "X"}),
    ("POST", "/api/v1/service-accounts", {"name": "x"}),
    ("GET", "/api/v1/service-accounts", None),
    ("GET", "/team/accounts", None),
)


@pytest.mark.parametrize(
    ("role", "may_change"),
    [("tenant_owner", True), ("tenant_admin", True), ("tenant_billing", False), ("tenant_member", False),
     ("project_admin", False), ("project_member", False), ("project_viewer", False)],
)  # fmt: skip
async def test_every_role_reads_the_team_and_only_owners_and_admins_change_it(
    sign_in_as, runtime, role: str, may_change: bool
) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    project_id = ada.actor.project_id if role.startswith("project") else None
    await join(runtime, ada, ben, role, project_id)
    for path in READS:
        assert (await ben.client.get(path)).status_code == 200, path
    for method, path, body in CHANGES:
        answer = await send(ben, method, path, body)
        assert answer.status_code in ((200, 201) if may_change else (403,)), (method, path, answer.text[:200])
    if not may_change:
        page = (await ben.client.get(f"/team/members/{ada.actor.id}")).text
        assert "Change role" not in page and "Remove" not in page


async def test_another_organisations_people_invitations_and_accounts_do_not_exist(sign_in_as) -> None:
    ada, eve = await sign_in_as("ada"), await sign_in_as("eve")
    sent = (await ada.post_json("/api/v1/team/invitations", {"email": "x@example.com"})).json()
    account = (await ada.post_json("/api/v1/service-accounts", {"name": "ci"})).json()
    for method, path, body in (
        ("GET", f"/api/v1/team/members/{ada.actor.id}", None),
        ("PATCH", f"/api/v1/team/members/{ada.actor.id}", {"role": "tenant_member"}),
        ("DELETE", f"/api/v1/team/members/{ada.actor.id}", None),
        ("GET", f"/api/v1/team/invitations/{sent['id']}", None),
        ("DELETE", f"/api/v1/team/invitations/{sent['id']}", None),
        ("POST", f"/api/v1/team/invitations/{sent['id']}/resend", None),
        ("POST", f"/api/v1/invitations/{sent['id']}/accept", None),
        ("POST", f"/api/v1/invitations/{sent['id']}/decline", None),
        ("GET", f"/api/v1/service-accounts/{account['id']}", None),
        ("DELETE", f"/api/v1/service-accounts/{account['id']}", None),
        ("GET", f"/api/v1/projects/{ada.actor.project_id}", None),
        ("PATCH", f"/api/v1/projects/{ada.actor.project_id}", {"name": "x"}),
        ("POST", "/api/v1/team/invitations",
         {"email": "y@example.com", "role": "project_viewer", "project_id": str(ada.actor.project_id)}),
        ("POST", "/api/v1/service-accounts", {"name": "x", "project_id": str(ada.actor.project_id)}),
    ):  # fmt: skip
        named = body is not None and "project_id" in body  # what a body names and is not there is a fault of its field
        assert (await send(eve, method, path, body)).status_code == (422 if named else 404), (method, path)


async def test_inviting_the_same_address_again_is_answered_alike_and_tells_nothing_of_accounts(sign_in_as) -> None:
    ada, _ben = await sign_in_as("ada"), await sign_in_as("ben")
    known = await ada.post_json("/api/v1/team/invitations", {"email": "ben@example.com"})
    unknown = await ada.post_json("/api/v1/team/invitations", {"email": "nobody@example.com"})
    assert known.status_code == unknown.status_code == 201
    assert known.json().keys() == unknown.json().keys()
    again = await ada.post_json("/api/v1/team/invitations", {"email": "ben@example.com"})
    assert (again.status_code, again.json()["id"]) == (200, known.json()["id"])
