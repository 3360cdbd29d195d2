"""A program with an access token of the API opens an app that it may open, and the app never sees the token."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from app.domains.appruntime.contracts import AppView
from app.domains.appruntime.repository import MemberRepository
from app.domains.appruntime.service.admission import EndNotice, admission_of
from app.domains.auth.repository import AuthRepository
from app.domains.auth.rules.values import Visit
from app.domains.auth.service.tokens import signed_token
from app.shared.authz.actor import SYSTEM
from app.shared.crypto import digest, new_secret
from app.shared.ids import new_id
from tests.domains.appruntime.world import Desk, Tab
from tests.domains.terminal.world import Visitor

pytestmark = pytest.mark.commits
Open = Callable[[AppView], Tab]
Visit_ = Callable[..., Awaitable[Visitor]]


async def program_of(visitor: Visitor) -> str:
    """The access token of a command line that this person signed in."""
    actor, session_id = visitor.actor, new_id()
    async with visitor.runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        assert actor.id is not None
        await AuthRepository(ctx.session).append_session(
            session_id, digest(new_secret()), actor.id, (actor.tenant_id, actor.project_id), "cli",
            Visit(user_agent="berth-cli", address="127.0.0.1"), now, now.replace(year=now.year + 1),
        )  # fmt: skip
        claims = {"sub": str(actor.id), "jti": str(new_id()), "sid": str(session_id), "client_id": "berth-cli"}
        return await signed_token(ctx, claims, 300)


async def account_of(visitor: Visitor) -> tuple[UUID, str]:
    """A service account of this person's organisation, and its access token."""
    send = {"sec-fetch-site": "same-origin", "x-csrftoken": visitor.csrf}

    async def post(path: str, body: object) -> dict[str, str]:
        answer = await visitor.client.post(path, json=body, headers={**send, "x-idempotency-key": new_secret()})
        assert answer.is_success, answer.text
        return dict(answer.json())

    account = await post("/api/v1/service-accounts", {"name": "ci", "role": "project_member"})
    credential = await post(f"/api/v1/service-accounts/{account['id']}/credentials", None)
    form = {"grant_type": "client_credentials", **{name: credential[name] for name in ("client_id", "client_secret")}}
    answer = await visitor.client.post("/oauth/token", data=form)
    return UUID(account["id"]), str(answer.json()["access_token"])


async def test_a_program_opens_what_its_person_may_open(desk: Desk, ada: Visitor, visitors: Visit_, tabs: Open) -> None:
    app = await desk.running()
    tab, token = tabs(app), await program_of(ada)
    for name in ("authorization", "berth_authorization"):
        answer = await tab.get("/headers", **{name: f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        assert token not in answer.text and "authorization" not in answer.text.lower()
    both = await tab.get("/headers", authorization="Bearer the-apps-own", berth_authorization=f"Bearer {token}")
    assert ["authorization", "Bearer the-apps-own"] in both.json()["headers"]
    posted = await tab.client.post("/", content=b"abc", headers=tab.headers(authorization=f"Bearer {token}"))
    assert posted.json()["bytes"] == 3
    socket = await tab.socket(origin="http://elsewhere", authorization=f"Bearer {token}")
    await socket.send("hello")
    assert await socket.recv() == "hello"

    for bad in (token[:-4] + "AAAA", token.replace(".", "..", 1)):
        refused = await tab.get("/headers", berth_authorization=f"Bearer {bad}")
        assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Bearer")
    forged = await tab.get("/headers", authorization=f"Bearer {token[:-4]}AAAA")
    assert forged.status_code == 401 and "headers" not in forged.text  # not passed on to the app as its own
    eve = await visitors("eve")
    assert (await tab.get("/headers", authorization=f"Bearer {await program_of(eve)}")).status_code == 403


async def test_a_service_account_opens_an_app_of_which_it_is_a_member(desk: Desk, ada: Visitor, tabs: Open) -> None:
    app = await desk.running()
    tab = tabs(app)
    account_id, token = await account_of(ada)
    assert (await tab.get("/headers", authorization=f"Bearer {token}")).status_code == 403
    async with desk.runtime.context(SYSTEM) as ctx:
        await MemberRepository(ctx.session).set(app, account_id, "owner", await ctx.now())
    await admission_of(desk.runtime).apply(EndNotice(app_id=app.id))
    assert (await tab.get("/headers", authorization=f"Bearer {token}")).status_code == 200
