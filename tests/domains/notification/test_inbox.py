"""From an event to an item that its reader finds, counts, opens and marks read; and to nobody else's."""

from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from app.domains.notification.consumers import add_to_inboxes
from app.domains.notification.rules.topics import personal_channel
from app.domains.notification.service import inbox, maintenance
from app.domains.notification.service.hub import LiveConnection
from app.registry import DOMAINS
from app.shared.authz.actor import SYSTEM
from app.shared.events import Envelope
from tests.domains.notification.world import activated, emit, paid, runway_low
from tests.fixtures.app import tenant_of
from tests.fixtures.batches import look
from tests.fixtures.clock import START
from tests.fixtures.drain import drain
from workers.consumer import deliver

API = "/api/v1/notifications"


async def _items(browser, **params):
    answer = await browser.client.get(API, params=params)
    assert answer.status_code == 200
    return answer.json()


async def test_an_event_becomes_an_item_in_words_for_those_it_concerns(runtime, sign_in_as) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    found = await _items(ada)
    assert (found["unread"], found["next_cursor"]) == (1, None)
    [item] = found["items"]
    assert item["title"] == "$25.00 of credit was added"
    assert (item["href"], item["state"], item["read"]) == ("/billing", "active", False)
    assert (await _items(ben))["items"] == []
    assert (await ben.client.get(f"{API}/{item['id']}")).status_code == 404
    assert (await ben.post_json(f"{API}/{item['id']}/read", None)).status_code == 404
    page = (await ada.client.get("/notifications")).text
    assert "$25.00 of credit was added" in page
    assert '<span class="sr">Notifications, 1 unread</span>' in page


async def test_an_event_that_comes_twice_is_one_item(runtime, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    fact = runway_low(tenant_of(ada))
    envelope = Envelope(
        id=uuid4(), name=fact.SUBJECT, version=1, occurred_at=START, correlation_id="story", tenant_id=tenant_of(ada)
    )
    [spec] = [spec for spec in DOMAINS[-1].consumers if spec.name == "notification-inbox"]
    assert [(await deliver(runtime, spec, envelope, fact)).wanted for _ in range(2)] == [True, False]
    async with runtime.context(SYSTEM) as ctx:  # also when the record of it was pruned
        await add_to_inboxes(ctx, fact, envelope)
    found = await _items(ada)
    assert len(found["items"]) == 1
    assert found["items"][0]["title"] == "Your credit lasts 3 h 53 m"
    assert "Mon 13:00 UTC" in found["items"][0]["text"]


async def test_opening_marks_read_and_leads_to_the_thing(runtime, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    fact = activated(ada.actor.id)
    await emit(runtime, ada, fact)
    await drain(runtime, DOMAINS)
    [item] = (await _items(ada))["items"]
    answer = await ada.post(f"/notifications/{item['id']}/open")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/machines/{fact.allocation_id}")
    assert (await _items(ada))["unread"] == 0
    assert (await _items(ada, unread=True))["items"] == []
    assert (await ada.post_json(f"{API}/{item['id']}/read", None)).json()["count"] == 0
    assert "Nothing unread" in (await ada.client.get("/notifications?unread=true")).text


async def test_marking_all_read_spares_what_came_after_the_reader_looked(runtime, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    for _ in range(3):
        await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    first = await _items(ada, limit=2)
    assert len(first["items"]) == 2
    second = await _items(ada, limit=2, cursor=first["next_cursor"])
    assert len(second["items"]) == 1
    assert second["next_cursor"] is None
    seen = first["items"][0]["id"]
    await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    assert (await ada.post("/notifications/read", until=seen)).status_code == 303
    assert (await _items(ada))["unread"] == 1
    assert (await ada.post_json(f"{API}/read", {})).json()["count"] == 1


async def test_the_bell_of_the_person_hears_of_it_and_the_socket_carries_no_words(runtime, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    page = LiveConnection(ada.actor.tenant_id, ada.actor.session_id, ada.actor.id)
    assert personal_channel(ada.actor.id) in page.channels
    await emit(runtime, ada, paid(tenant_of(ada)))
    async with runtime.valkey.pubsub() as subscription:
        await subscription.subscribe(personal_channel(ada.actor.id))
        assert (await subscription.get_message(timeout=5))["type"] == "subscribe"
        await drain(runtime, DOMAINS)
        message = msgspec.json.decode((await subscription.get_message(timeout=5))["data"])
        [item] = (await _items(ada))["items"]
        assert message == {"topics": [f"inbox:{ada.actor.id}"], "item": item["id"]}
        await ada.post(f"/notifications/{item['id']}/read")
        await drain(runtime, DOMAINS)
        again = msgspec.json.decode((await subscription.get_message(timeout=5))["data"])
        assert again == {"topics": [f"inbox:{ada.actor.id}"]}
    bell = (await ada.client.get("/notifications/bell")).text
    assert f'data-live="inbox:{ada.actor.id}"' in bell
    assert "unread" not in bell


async def test_old_items_are_forgotten_by_policy(runtime, sign_in_as, clock) -> None:
    ada = await sign_in_as("ada")
    runtime.clock = clock
    await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    clock.advance(89 * 86_400)
    await maintenance.prune(runtime)
    async with runtime.context(ada.actor) as ctx:
        assert await inbox.count_unread(ctx) == 1
    clock.advance(2 * 86_400)
    await maintenance.prune(runtime)
    async with runtime.context(ada.actor) as ctx:
        assert await inbox.count_unread(ctx) == 0


async def test_a_person_is_mailed_what_they_chose_and_finds_the_way_to_choose(runtime, post, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    await emit(runtime, ada, runway_low(tenant_of(ada)), activated(ada.actor.id))
    await drain(runtime, DOMAINS)
    [mail] = await post.mails("ada@example.com")
    assert mail["subject"] == "Your credit lasts 3 h 53 m"
    assert "http://localhost:8000/billing/credit" in mail["text"]
    assert "http://localhost:8000/billing/credit" in mail["html"]
    raw = (await post.reader.get(f"{post.url}/mail/{mail['id']}/raw")).text
    assert "List-Unsubscribe: <http://localhost:8000/settings/notifications>" in raw
    assert (await _items(ada))["unread"] == 2


async def test_an_address_that_nobody_proved_gets_no_mail(runtime, post, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    async with runtime.database.unit_of_work() as unit:
        await unit.session.execute(text("UPDATE auth.users SET email_verified = false"))
    await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    assert await post.mails() == []
    assert (await _items(ada))["unread"] == 1


async def test_preferences_are_kept_with_a_version_and_followed(runtime, post, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    url = f"{API}/preferences"
    answer = await ada.client.get(url)
    assert answer.headers["etag"] == '"0"'
    choices = {one["kind"]: one for one in answer.json()["choices"]}
    assert choices["payments.payment.succeeded"] == {"kind": "payments.payment.succeeded", "email": True, "toast": True}
    wanted = {"choices": [{"kind": "payments.payment.succeeded", "email": False, "toast": False}]}
    headers = {"sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf, "x-idempotency-key": "a", "if-match": '"0"'}
    changed = await ada.client.put(url, json=wanted, headers=headers)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"1"')
    late = await ada.client.put(url, json=wanted, headers=headers | {"x-idempotency-key": "b"})
    assert late.status_code == 412
    await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    assert await post.mails() == []
    assert (await _items(ada))["unread"] == 1


async def test_the_mails_about_money_running_out_are_not_turned_off_by_accident(sign_in_as) -> None:
    ada = await sign_in_as("ada")
    refused = await ada.post("/settings/notifications")
    assert refused.status_code == 422
    assert "machines can be released before you notice" in refused.text
    assert (await ada.client.get(f"{API}/preferences")).headers["etag"] == '"0"'
    accepted = await ada.post("/settings/notifications", acknowledged="true", version="0")
    assert accepted.status_code == 303
    page = (await ada.client.get("/settings/notifications")).text
    assert "You get no mail when credit runs out" in page
    assert "Mail is not configured" in page
    unknown = {"choices": [{"kind": "no.such.kind", "email": True, "toast": True}]}
    answer = await ada.client.put(
        f"{API}/preferences",
        json=unknown,
        headers={"sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf, "x-idempotency-key": str(uuid4())},
    )
    assert answer.status_code == 422


@pytest.mark.commits
async def test_an_invitation_is_mailed_without_a_secret(runtime, post, sign_in_as) -> None:
    ada = await sign_in_as("ada")
    body = {"email": "ben@example.com", "role": "tenant_member"}
    answer = await ada.post_json("/api/v1/team/invitations", body)
    assert answer.status_code < 300, answer.text
    await drain(runtime, DOMAINS)
    [mail] = await post.mails("ben@example.com")
    assert "http://localhost:8000/invitations" in mail["text"]
    assert mail["subject"].startswith("Ada invites you to ")


async def test_a_large_organisation_is_told_in_steps_each_person_once(runtime, sign_in_as, monkeypatch) -> None:
    monkeypatch.setattr(inbox, "AT_ONCE", 0)
    ada = await sign_in_as("ada")
    await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    seen = await look(runtime, inbox.NOTIFY_MANY)
    assert (seen.state, seen.done, seen.total) == ("done", 1, 1)
    [item] = (await _items(ada))["items"]
    assert item["title"] == "$25.00 of credit was added"
