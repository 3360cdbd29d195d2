"""The frame of a page: no statement when it is warm, right after a change, and only entries that one may open."""

from sqlalchemy import text

from app.portal.shell import navigation
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.readcache import ReadCache
from tests.domains.auth.test_session_cache import statements
from tests.fixtures.app import SignIn, expire, tenant_of
from tests.shared.readcache.conftest import hears

FRAME = ("billing.", "notification.inbox_items", "auth.invitations", "admin.announcements", "auth.memberships")


def of_the_frame(asked: list[str]) -> list[str]:
    """Without who asks, which is kept for seconds only: a busy machine reads it again."""
    asked = [statement for statement in asked if "auth.oidc_sessions" not in statement]
    return [statement for statement in asked if any(name in statement for name in FRAME)]


async def test_a_warm_frame_costs_no_statement(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    await hears(runtime.part(ReadCache))
    for page in ("/settings/sessions", "/settings/notifications"):
        with statements(runtime) as asked:
            assert (await ada.client.get(page)).status_code == 200
    assert not of_the_frame(asked)


async def test_what_is_kept_in_valkey_is_brought_at_once(runtime: Runtime, sign_in_as: SignIn) -> None:
    """Another process has drawn the frame: this one needs nothing from PostgreSQL either."""
    ada = await sign_in_as("ada")
    await hears(runtime.part(ReadCache))
    assert (await ada.client.get("/settings/sessions")).status_code == 200
    runtime.part(ReadCache)._local.clear()
    with statements(runtime) as asked:
        assert (await ada.client.get("/settings/sessions")).status_code == 200
    assert not of_the_frame(asked)


async def test_a_change_of_ones_own_is_on_the_next_page(runtime: Runtime, sign_in_as: SignIn) -> None:
    ada = await sign_in_as("ada")
    await hears(runtime.part(ReadCache))
    assert "Harbour" not in (await ada.client.get("/settings/sessions")).text
    answer = await ada.post_json("/api/v1/projects", {"name": "Harbour"})
    assert answer.status_code == 201, answer.text
    assert "Harbour" in (await ada.client.get("/settings/sessions")).text


async def test_a_row_that_changed_without_an_event_is_seen_after_the_bound(
    runtime: Runtime, sign_in_as: SignIn
) -> None:
    ada = await sign_in_as("ada")
    await hears(runtime.part(ReadCache))
    before = (await ada.client.get("/settings/sessions")).text
    async with runtime.context(SYSTEM) as ctx:
        renamed = text("UPDATE auth.tenants SET name = 'Quiet Works' WHERE id = :id")
        await ctx.session.execute(renamed, {"id": tenant_of(ada)})
    assert "Quiet Works" not in before
    await expire(runtime)
    assert "Quiet Works" in (await ada.client.get("/settings/sessions")).text


async def test_an_entry_is_shown_to_who_may_open_it_alone(sign_in_as: SignIn) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    hers, theirs = (await ada.client.get("/settings/sessions")).text, (await olga.client.get("/admin/policies")).text
    operators = [entry.href for entry in navigation() if entry.console == "operator" and entry.href != "/admin"]
    assert operators and not [href for href in operators if f'href="{href}"' in hers]
    assert [href for href in operators if f'href="{href}"' in theirs]
