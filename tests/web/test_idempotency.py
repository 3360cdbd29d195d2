"""A key names one request of one person in one place; whoever repeats it gets the first answer and no second effect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import post
from sqlalchemy import text

from app.asgi import create_app
from app.domains.auth.service import organisations, workspaces
from app.domains.auth.service.organisations import CreateOrganisation
from app.domains.auth.service.workspaces import SwitchProject
from app.shared.audit import AuditAction
from app.shared.authz import Permission
from app.shared.idempotency.key import LONGEST_ROUTE, request_digest, route_of
from app.shared.manifest import Domain
from app.web import Contexts, Ctx, requires
from tests.domains.auth.world import join, refresh
from tests.fixtures.app import ORIGIN, Browser, SignIn

if TYPE_CHECKING:
    from app.shared.context import Runtime

ACCOUNTS = "/api/v1/service-accounts"
TEXTS = st.text(st.characters(codec="utf-8"))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def digest_of(body: bytes, kind: str = "application/json", query: bytes = b"", if_match: str = "") -> bytes:
    return request_digest(content_type=kind, body=body, query=query, if_match=if_match)


async def switch(runtime: Runtime, browser: Browser, project_id: object) -> None:
    async with runtime.context(browser.actor) as ctx:
        await workspaces.switch_project(ctx, SwitchProject(project_id=project_id))
    await refresh(runtime, browser)


async def second_home(runtime: Runtime, browser: Browser) -> tuple[object, object]:
    """The person's first project, and one in another organisation of theirs, where they stand now."""
    first = browser.actor.project_id
    async with runtime.context(browser.actor) as ctx:
        place = await organisations.create_organisation(ctx, CreateOrganisation(name="Second", time_zone="UTC"))
    await refresh(runtime, browser)
    return first, place.project_id


@given(JSON_VALUES)
def test_the_same_json_written_otherwise_is_the_same_body(value: object) -> None:
    plain = json.dumps(value, separators=(",", ":")).encode()
    wide = json.dumps(value, indent=3, sort_keys=True, ensure_ascii=False)
    assert digest_of(plain) == digest_of(wide.encode(), "application/json; charset=utf-8")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1}', b'{"a": "1"}'),
        (b'{"a": 1}', b'{"a": true}'),
        (b'{"a": 1.0}', b'{"a": 1}'),
        (b'{"a": 9007199254740993.0}', b'{"a": 9007199254740992.0}'),
        (b'{"a": 1e400}', b'{"a": 1e500}'),
        (b'{"a": null}', b"{}"),
        (b"[1, 2]", b"[2, 1]"),
        (b"{", b"{ "),
        (b"[" * 90_000, b"[" * 90_001),
    ],
)
def test_another_meaning_is_another_body(one: bytes, other: bytes) -> None:
    assert digest_of(one) != digest_of(other)


def test_hidden_fields_of_a_form_do_not_count_and_everything_else_does() -> None:
    form = "application/x-www-form-urlencoded"
    assert digest_of(b"a=1&_csrf_token=x&b=2&_idempotency_key=k", form) == digest_of(b"b=2&a=1", form)
    assert digest_of(b"keys=1&keys=2", form) != digest_of(b"keys=2&keys=1", form)
    assert digest_of(b"a=", form) != digest_of(b"", form)
    assert digest_of(b"", query=b"a=1&b=2") == digest_of(b"", query=b"b=2&a=1")
    assert digest_of(b"", query=b"a=1") != digest_of(b"")
    assert digest_of(b"", if_match='"1"') != digest_of(b"", if_match='"2"')


def test_a_route_is_its_template_with_its_parameters_however_long() -> None:
    assert route_of("POST", "/a/{x}", {"x": "1"}) != route_of("POST", "/a/{x}", {"x": "2"})
    assert route_of("POST", "/a", {}) == "POST /a"
    long = [route_of("POST", "/a/{x}", {"x": "n" * 5_000 + end}) for end in "ab"]
    assert len(set(long)) == 2
    assert max(map(len, long)) <= LONGEST_ROUTE


async def test_one_key_in_two_organisations_is_two_requests(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    first, second = await second_home(runtime, ada)
    made = []
    for project in (second, first, second, first):
        await switch(runtime, ada, project)
        answer = await ada.post_json(ACCOUNTS, {"name": "ci"}, key="fixed")
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
        listed = (await ada.client.get(ACCOUNTS)).json()["items"]
        assert [account["id"] for account in listed] == [made[-1]]
    assert made[:2] == made[2:]
    assert made[0] != made[1]


async def test_one_key_in_two_projects_is_two_requests(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    first = ada.actor.project_id
    other = (await ada.post_json("/api/v1/projects", {"name": "other"})).json()["id"]
    made = []
    for project in (first, other):
        await switch(runtime, ada, project)
        answer = await ada.post_json("/api/v1/storage/namespaces", {"name": "data"}, key="fixed")
        made.append(answer.json()["id"])
    assert len(set(made)) == 2


async def test_spaces_and_order_do_not_make_another_body_and_values_do(sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    headers = {
        "sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf, "x-idempotency-key": "k",
        "content-type": "application/json",
    }  # fmt: skip
    bodies = (b'{"name":"ci","role":"project_member"}', b'{ "role" : "project_member",\n "name": "c\\u0069" }')
    answers = [await ada.client.post(ACCOUNTS, content=body, headers=headers) for body in bodies]
    assert answers[0].json() == answers[1].json()
    other = await ada.client.post(ACCOUNTS, content=b'{"name":"cd","role":"project_member"}', headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    same = await ada.client.post(f"{ACCOUNTS}?x=1", content=bodies[0], headers=headers)
    assert same.status_code == 422


async def test_who_lost_the_right_gets_no_answer_from_before(runtime: Runtime, sign_in_as: SignIn) -> None:
    ben = await join(runtime, await sign_in_as("ada"), await sign_in_as("ben"), "tenant_admin")
    assert (await ben.post_json(ACCOUNTS, {"name": "ci"}, key="k")).status_code == 201
    async with runtime.context(ben.actor) as ctx:
        demote = "UPDATE auth.memberships SET role = 'tenant_member' WHERE role = 'tenant_admin'"
        await ctx.session.execute(text(demote))
    await refresh(runtime, ben)
    assert (await ben.post_json(ACCOUNTS, {"name": "ci"}, key="k")).status_code == 403


async def test_a_first_try_that_failed_leaves_the_key_free(sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    assert (await ada.post_json(ACCOUNTS, {"name": ""}, key="k")).status_code == 422
    assert (await ada.post_json(ACCOUNTS, {"name": "ci"}, key="k")).status_code == 201


async def test_leaving_again_with_the_same_key_leaves_no_second_organisation(
    runtime: Runtime, sign_in_as: SignIn
) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    await join(runtime, ada, ben, "tenant_member")
    answers = [await ben.post_json("/api/v1/team/leave", None, key="k") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    await refresh(runtime, ben)
    assert ben.actor.tenant_id is not None  # their own, where they are the only owner


async def test_a_new_organisation_is_made_once_although_one_stands_in_it_then(
    runtime: Runtime, sign_in_as: SignIn
) -> None:
    ada = await sign_in_as("ada")
    for _ in range(2):
        answer = await ada.post("/organisations", name="Third", time_zone="UTC", _idempotency_key="k")
        assert answer.status_code == 303, answer.text
        await refresh(runtime, ada)
    async with runtime.context(ada.actor) as ctx:
        assert len(await workspaces.list_workspaces(ctx)) == 2


def careless(kind: str) -> Domain:
    @post("/api/v1/careless", opt=requires(Permission.PROFILE))
    async def careless_ctx(ctx: Ctx) -> dict[str, str]:
        await ctx.audit(AuditAction.APP_OPEN, "careless")
        return {}

    @post("/api/v1/careless", opt=requires(Permission.PROFILE))
    async def careless_contexts(contexts: Contexts) -> dict[str, str]:
        async with contexts():
            return {}

    return Domain(name="careless", routes=[careless_ctx if kind == "ctx" else careless_contexts])


@pytest.mark.parametrize("kind", ["ctx", "contexts"])
async def test_a_handler_that_forgets_the_key_fails_and_changes_nothing(
    runtime: Runtime, sign_in_as: SignIn, kind: str
) -> None:
    ada = await sign_in_as("ada")
    transport = httpx.ASGITransport(create_app(runtime, [careless(kind)]))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=ada.client.cookies) as client:
        headers = {"sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf, "x-idempotency-key": "k"}
        assert (await client.post("/api/v1/careless", headers=headers)).status_code == 500
    async with runtime.context(ada.actor) as ctx:
        assert not await ctx.session.scalar(text("SELECT count(*) FROM admin.audit_logs WHERE target_id = 'careless'"))


async def test_a_second_click_on_view_as_and_on_its_end_gets_the_first_answer(
    runtime: Runtime, sign_in_as: SignIn
) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    for path, fields in (
        (f"/admin/customers/{ada.actor.tenant_id}/view-as", {"reason": "a ticket"}),
        ("/view-as/stop", {}),
    ):
        answers = [await olga.post(path, _idempotency_key="k", **fields) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303], answers[1].text
        assert len({answer.headers["location"] for answer in answers}) == 1
    async with runtime.context(ada.actor) as ctx:
        rows = await ctx.session.scalars(text("SELECT action FROM admin.audit_logs WHERE action LIKE 'view_as%'"))
        assert sorted(rows) == ["view_as.start", "view_as.stop"]
