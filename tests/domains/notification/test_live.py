"""Open pages hear what changed for them, and nothing of others."""

import asyncio
from uuid import uuid4

import pytest

from app.domains.notification.consumers import publish_topics
from app.domains.notification.rules import channel, topics_of
from app.domains.notification.service.hub import SESSION_ENDED, TRY_AGAIN, LiveConnection, LiveHub
from app.domains.provisioning.events import AllocationPlaced
from app.shared.authz.actor import SYSTEM
from app.shared.clock import process_now
from app.shared.events import Envelope
from tests.fixtures.push import Heard


def _envelope(name: str, tenant_id) -> Envelope:
    return Envelope(
        id=uuid4(), name=name, version=1, occurred_at=process_now(), correlation_id="story-0001", tenant_id=tenant_id
    )


def test_topics_follow_from_the_subject() -> None:
    allocation = uuid4()
    placed = AllocationPlaced(allocation_id=allocation, node_id=uuid4(), attempt=1)
    assert topics_of(placed) == (f"allocation:{allocation}", "allocations", "capacity")
    assert channel(None) == "berth:live:all"


@pytest.fixture
async def hub(runtime):
    hub = LiveHub(runtime)
    yield hub
    await asyncio.wait_for(hub.aclose(), 5)


async def _listening(runtime) -> None:
    while not await runtime.valkey.pubsub_numpat():  # noqa: ASYNC110 - each look asks the server
        await asyncio.sleep(0)


async def test_a_page_hears_of_its_tenant_and_of_capacity_only(runtime, hub, sign_in_as) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    page, heard = LiveConnection(ada.actor.tenant_id, ada.actor.session_id), Heard()
    hub.join(page, heard)
    await _listening(runtime)
    placed = AllocationPlaced(allocation_id=uuid4(), node_id=uuid4(), attempt=1)
    async with runtime.context(SYSTEM) as ctx:
        await publish_topics(ctx, placed, _envelope(placed.SUBJECT, ben.actor.tenant_id))
        await publish_topics(ctx, placed, _envelope(placed.SUBJECT, ada.actor.tenant_id))
    topics = [(await heard.message())["topics"] for _ in range(3)]
    assert sorted(topics, key=len)[:2] == [["capacity"], ["capacity"]]
    assert sorted(topics, key=len)[2][0] == f"allocation:{placed.allocation_id}"


@pytest.mark.commits
async def test_a_revoked_session_loses_its_pages(runtime, hub, sign_in_as, monkeypatch) -> None:
    monkeypatch.setattr("app.domains.notification.service.hub.CHECK_SECONDS", 0.05)
    ada = await sign_in_as("ada")
    page, heard = LiveConnection(ada.actor.tenant_id, ada.actor.session_id), Heard()
    hub.join(page, heard)
    assert (await ada.post("/logout")).status_code == 303
    assert await asyncio.wait_for(heard.closed, 5) == SESSION_ENDED


@pytest.mark.commits
async def test_a_page_whose_session_stands_elsewhere_comes_back_to_hear_of_there(
    runtime, hub, sign_in_as, monkeypatch
) -> None:
    monkeypatch.setattr("app.domains.notification.service.hub.CHECK_SECONDS", 0.05)
    ada = await sign_in_as("ada")
    page, heard = LiveConnection(ada.actor.tenant_id, ada.actor.session_id), Heard()
    hub.join(page, heard)
    assert (await ada.post("/organisations", name="Second")).status_code == 303
    assert await asyncio.wait_for(heard.closed, 5) == TRY_AGAIN
    assert heard.frames.empty()


async def test_a_page_that_does_not_read_is_dropped(hub) -> None:
    page, heard = LiveConnection(uuid4(), uuid4()), Heard(unread=3)
    hub.join(page, heard)
    for number in range(200):
        page.send(str(number).encode())
    assert await asyncio.wait_for(heard.closed, 1) == TRY_AGAIN
    assert heard.frames.qsize() == 3


@pytest.mark.commits
async def test_what_was_announced_while_a_page_was_on_its_way_reaches_it(runtime, hub, sign_in_as, monkeypatch) -> None:
    ada = await sign_in_as("ada")
    ids = (ada.actor.tenant_id, ada.actor.session_id)
    early, late, later = Heard(), Heard(), Heard()
    hub.join(LiveConnection(*ids), early)
    async with asyncio.timeout(5):
        while early.frames.empty():  # until the subscription stands
            await runtime.valkey.publish(channel(ada.actor.tenant_id), b'{"topics": ["money"]}')
            await asyncio.sleep(0.01)
    hub.join(LiveConnection(*ids), late)
    assert b"money" in late.frames.get_nowait()
    monkeypatch.setattr("app.domains.notification.service.hub.RECENT_SECONDS", 0.0)
    hub.join(LiveConnection(*ids), later)
    assert later.frames.empty()
