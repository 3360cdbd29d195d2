"""Programs follow what happens: in one order, without gaps, and only what their permissions show."""

import asyncio
from uuid import uuid4

import msgspec
import pytest

from app.domains.notification.repository import feed as rows
from app.domains.notification.rules.feed import is_published
from app.registry import DOMAINS
from app.shared.authz import Role, RoleBinding
from app.shared.authz.actor import SYSTEM
from app.shared.authz.scope import system_tenant_scope
from app.shared.events.base import CATALOGUE
from tests.domains.notification.world import activated, emit, paid
from tests.fixtures.app import tenant_of
from tests.fixtures.clock import START
from tests.fixtures.drain import drain

URL = "/api/v1/events"


async def _feed(browser, **params):
    answer = await browser.client.get(URL, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_events_come_in_order_and_a_cursor_goes_on_where_it_was(runtime, sign_in_as) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    await drain(runtime, DOMAINS)
    start = (await _feed(ada, cursor="latest"))["next_cursor"]
    facts = [paid(tenant_of(ada), amount * 1_000_000) for amount in (1, 2, 3)]
    for fact in facts:
        await emit(runtime, ada, fact)
    await emit(runtime, ben, paid(tenant_of(ben)))
    await drain(runtime, DOMAINS)
    first = await _feed(ada, cursor=start, limit=2)
    assert [item["data"]["amount"] for item in first["items"]] == [1_000_000, 2_000_000]
    assert first["items"][0]["type"] == "payments.payment.succeeded"
    second = await _feed(ada, cursor=first["next_cursor"], limit=2)
    assert [item["data"]["amount"] for item in second["items"]] == [3_000_000]
    third = await _feed(ada, cursor=second["next_cursor"])
    assert (third["items"], third["next_cursor"]) == ([], second["next_cursor"])


@pytest.mark.commits
async def test_who_asks_too_early_waits_for_the_next_event(runtime, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    await drain(runtime, DOMAINS)
    start = (await _feed(ada, cursor="latest"))["next_cursor"]
    waiting = asyncio.create_task(_feed(ada, cursor=start, wait=20))
    await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    assert len((await asyncio.wait_for(waiting, 10))["items"]) == 1


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30, "٣"])
async def test_a_cursor_that_is_not_ours_is_refused(sign_in_as, cursor) -> None:
    ada = await sign_in_as("ada")
    assert (await ada.client.get(URL, params={"cursor": cursor})).status_code == 422
    assert (await ada.client.get(URL, params={"wait": 26})).status_code == 422


async def test_a_viewer_of_one_project_sees_neither_money_nor_other_projects(runtime, sign_in_as) -> None:
    from app.domains.notification.service import feed

    ada = await sign_in_as("ada")
    await emit(runtime, ada, paid(tenant_of(ada)), activated(ada.actor.id))
    await drain(runtime, DOMAINS)
    for project, expected in ((ada.actor.project_id, 1), (uuid4(), 0)):
        binding = RoleBinding(Role.PROJECT_VIEWER, tenant_of(ada), project)
        viewer = msgspec.structs.replace(ada.actor, bindings=(binding,), project_id=project)
        found = await feed.follow(lambda viewer=viewer: runtime.context(viewer), None, 100, 0)
        kinds = [row.kind for row in found.items if not row.kind.startswith("auth.")]
        assert kinds == ["provisioning.allocation.activated"] * expected


@pytest.mark.commits
async def test_a_position_that_commits_late_is_never_skipped(runtime, sign_in_as) -> None:
    """Two writers at once: the second waits for the first, so no reader ever passes an event that is still to come."""
    ada = await sign_in_as("ada")
    tenant = tenant_of(ada)
    scope = system_tenant_scope(SYSTEM, tenant)

    async def append(ctx, amount: int) -> None:
        facts: dict[str, object] = {"amount": amount}
        await rows.append_event(ctx.session, tenant, uuid4(), "payments", "x", None, facts, START, START)

    async def second() -> None:
        async with runtime.context(SYSTEM) as ctx:
            await append(ctx, 2)

    async with runtime.context(SYSTEM) as ctx:
        before = await rows.head_of(ctx.session, scope)
        await append(ctx, 1)
        other = asyncio.create_task(second())
        async with runtime.context(SYSTEM) as reader:
            assert await rows.head_of(reader.session, scope) == before
        assert not other.done()
    await other
    async with runtime.context(SYSTEM) as ctx:
        values = {"after": before, "head": await rows.head_of(ctx.session, scope), "limit": 10, "project_id": None}
        found = await rows.list_events(ctx.session, scope, everywhere=["payments"], in_project=[], **values)
    assert [row.data["amount"] for row in found] == [1, 2]


def test_what_is_private_or_noise_is_not_told() -> None:
    told = {subject for subject in CATALOGUE if is_published(subject.removeprefix("berth.v1."))}
    assert "berth.v1.provisioning.allocation.activated" in told
    assert not {subject for subject in told if ".session." in subject or ".inbox." in subject or "inventory" in subject}
    assert "berth.v1.billing.account.changed" not in told
