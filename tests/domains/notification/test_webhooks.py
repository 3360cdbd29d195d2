"""A customer's receiver gets every event of its kinds, signed, until it answers well or the schedule ends."""

import base64
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from sqlalchemy import text

from app.domains.notification.errors import TooManyEndpoints
from app.domains.notification.policies import WEBHOOK_PAUSES
from app.domains.notification.rules import signatures
from app.domains.notification.rules.schedule import parse_pauses
from app.domains.notification.service import deliveries, maintenance, webhooks
from app.domains.notification.service.webhooks import AddEndpoint
from app.registry import DOMAINS
from app.shared.authz import Role, RoleBinding
from app.shared.clock import DatabaseClock
from app.shared.errors import Forbidden
from tests.domains.notification.world import activated, emit, paid
from tests.fixtures.app import tenant_of
from tests.fixtures.drain import drain
from tests.simulators.harness import receiving

API = "/api/v1/webhooks"
pytestmark = pytest.mark.commits


@dataclass
class Receiver:
    """What arrived, and what to answer next."""

    port: int = 0
    status: int = 200
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def __call__(self, scope, receive, send) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.heard.append((headers, body))
        await send(
            {"type": "http.response.start", "status": self.status, "headers": [(b"content-type", b"text/plain")]}
        )
        await send({"type": "http.response.body", "body": b"heard"})


@asynccontextmanager
async def _listening():
    hook = Receiver()
    async with receiving(hook) as hook.port:
        yield hook


@pytest.fixture
async def hook(runtime, clock):
    runtime.settings = msgspec.structs.replace(runtime.settings, webhook_loopback=True)
    async with _listening() as hook:
        yield hook


def verify(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver does it, written from the specification and not from our code."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(part == f"v1,{expected}" for part in headers["webhook-signature"].split(" "))


async def _add(browser, url: str, *kinds: str) -> dict:
    answer = await browser.post_json(API, {"url": url, "kinds": list(kinds)})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _log(browser, endpoint_id: str) -> list[dict]:
    return (await browser.client.get(f"{API}/{endpoint_id}/deliveries")).json()["items"]


def test_a_signature_is_the_one_of_the_specification() -> None:
    """The example of the Standard Webhooks reference implementations."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = signatures.sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_an_event_is_delivered_signed_and_logged(runtime, sign_in_as, hook) -> None:
    ada, ben = await sign_in_as("ada"), await sign_in_as("ben")
    endpoint = await _add(ada, hook.url, "payments.payment.succeeded")
    assert endpoint["secret"].startswith("whsec_")
    assert len(base64.b64decode(endpoint["secret"].removeprefix("whsec_"))) == 32
    fact = paid(tenant_of(ada))
    await emit(runtime, ada, fact, activated(ada.actor.id))
    await emit(runtime, ben, paid(tenant_of(ben)))
    await drain(runtime, DOMAINS)
    [(headers, body)] = hook.heard
    assert verify(endpoint["secret"], headers, body)
    message = json.loads(body)
    assert (message["type"], message["data"]["payment_id"]) == ("payments.payment.succeeded", str(fact.payment_id))
    assert headers["content-type"] == "application/json"
    [delivery] = await _log(ada, endpoint["id"])
    assert (delivery["state"], delivery["attempts"], delivery["message_id"]) == ("delivered", 1, headers["webhook-id"])
    detail = (await ada.client.get(f"{API}/deliveries/{delivery['id']}")).json()
    assert [(one["status"], one["answer"], one["problem"]) for one in detail["attempts"]] == [(200, "heard", None)]
    assert (await ben.client.get(f"{API}/{endpoint['id']}")).status_code == 404
    assert (await ben.client.get(f"{API}/deliveries/{delivery['id']}")).status_code == 404
    page = await ada.client.get(f"/settings/webhooks/{endpoint['id']}")
    assert "payments.payment.succeeded" in page.text
    assert "whsec_" not in page.text
    assert "HTTP 200" in (await ada.client.get(f"/settings/webhooks/deliveries/{delivery['id']}")).text


async def test_the_same_id_and_bytes_are_sent_until_the_receiver_is_well(runtime, sign_in_as, hook, clock) -> None:
    ada = await sign_in_as("ada")
    endpoint = await _add(ada, hook.url, "payments.payment.succeeded")
    runtime.clock = clock
    async with runtime.context(ada.actor) as ctx:
        view = await webhooks.get_endpoint(ctx, UUID(endpoint["id"]))
        delivery_id = await deliveries.queue(ctx, view, tenant_of(ada), uuid4(), "payments.payment.succeeded", "{}")
    hook.status = 503
    assert await deliveries.deliver(runtime, delivery_id) == "postponed"
    assert await deliveries.deliver(runtime, delivery_id) == "nothing"
    clock.advance(5)
    assert await deliveries.deliver(runtime, delivery_id) == "postponed"
    clock.advance(299)
    assert await deliveries.deliver(runtime, delivery_id) == "nothing"
    clock.advance(1)
    hook.status = 200
    assert await deliveries.deliver(runtime, delivery_id) == "delivered"
    assert len({(headers["webhook-id"], body) for headers, body in hook.heard}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in hook.heard}) == 3
    assert all(verify(endpoint["secret"], headers, body) for headers, body in hook.heard)


async def _ids(runtime) -> list[UUID]:
    async with runtime.database.unit_of_work() as unit:
        return list(await unit.session.scalars(text("SELECT id FROM notification.webhook_deliveries ORDER BY id")))


async def test_a_receiver_that_is_gone_is_switched_off_and_its_admins_are_told(runtime, sign_in_as, hook) -> None:
    ada = await sign_in_as("ada")
    endpoint = await _add(ada, hook.url, "payments.payment.succeeded")
    hook.status = 410
    await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    seen = (await ada.client.get(f"{API}/{endpoint['id']}")).json()
    assert (seen["state"], seen["disabled_reason"]) == ("disabled", "gone")
    titles = [item["title"] for item in (await ada.client.get("/api/v1/notifications")).json()["items"]]
    assert "A webhook was switched off" in titles
    await emit(runtime, ada, paid(tenant_of(ada)))
    await drain(runtime, DOMAINS)
    assert len(hook.heard) == 1
    assert [one["state"] for one in await _log(ada, endpoint["id"])] == ["failed", "failed"]
    refused = await ada.post_json(f"{API}/{endpoint['id']}/test", None)
    assert refused.json()["error"]["code"] == "webhook_disabled"
    await ada.post(f"/settings/webhooks/{endpoint['id']}/on")
    hook.status = 200
    answer = await ada.post_json(f"{API}/{endpoint['id']}/replay", {"since": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["count"]) == (202, 2)
    await drain(runtime, DOMAINS)
    assert [one["state"] for one in await _log(ada, endpoint["id"])] == ["delivered", "delivered"]
    assert len(hook.heard) == 3


async def test_days_of_failures_switch_an_endpoint_off_and_one_good_answer_forgives_them(
    runtime, sign_in_as, hook, clock
) -> None:
    ada = await sign_in_as("ada")
    endpoint = await _add(ada, hook.url, "payments.payment.succeeded")
    runtime.clock = clock

    async with runtime.context(ada.actor) as ctx:
        view = await webhooks.get_endpoint(ctx, UUID(endpoint["id"]))
        for _ in range(3):
            await deliveries.queue(ctx, view, tenant_of(ada), uuid4(), "payments.payment.succeeded", "{}")
    first, second, third = await _ids(runtime)
    hook.status = 500
    assert await deliveries.deliver(runtime, first) == "postponed"
    clock.advance(timedelta(days=4).total_seconds())
    hook.status = 200
    assert await deliveries.deliver(runtime, second) == "delivered"
    hook.status = 500
    clock.advance(timedelta(days=2).total_seconds())
    assert await deliveries.deliver(runtime, first) == "postponed"
    clock.advance(timedelta(days=5).total_seconds())
    assert await deliveries.deliver(runtime, third) == "failed"
    async with runtime.context(ada.actor) as ctx:
        view = await webhooks.get_endpoint(ctx, UUID(endpoint["id"]))
    assert (view.state, view.disabled_reason) == ("disabled", "failing")
    assert await deliveries.deliver(runtime, first) == "failed"


async def test_after_the_last_pause_a_message_has_failed_and_can_be_replayed(runtime, sign_in_as, hook, clock) -> None:
    ada = await sign_in_as("ada")
    endpoint = await _add(ada, hook.url)
    hook.status = 500
    sent = await ada.post_json(f"{API}/{endpoint['id']}/test", None)
    assert sent.status_code == 202
    [delivery_id] = await _ids(runtime)
    early = await ada.post_json(f"{API}/deliveries/{delivery_id}/replay", None)
    assert early.json()["error"]["code"] == "delivery_under_way"
    clock.instant = msgspec.convert(sent.json()["created_at"], type=type(clock.instant))
    runtime.clock = clock
    results = []
    for pause in (*parse_pauses(WEBHOOK_PAUSES.default), 0):
        results.append(await deliveries.deliver(runtime, delivery_id))
        clock.advance(pause)
    assert results == ["postponed"] * 8 + ["failed"]
    hook.status = 200
    runtime.clock = DatabaseClock()
    assert (await ada.post_json(f"{API}/deliveries/{delivery_id}/replay", None)).status_code == 202
    await drain(runtime, DOMAINS)
    assert [one["state"] for one in await _log(ada, endpoint["id"]) if one["kind"] == "webhook.test"] == ["delivered"]
    assert len({headers["webhook-id"] for headers, body in hook.heard if b"webhook.test" in body}) == 1


async def test_a_new_secret_and_the_old_one_sign_for_a_day(runtime, sign_in_as, hook, clock, database) -> None:
    ada = await sign_in_as("ada")
    old = await _add(ada, hook.url)
    new = (await ada.post_json(f"{API}/{old['id']}/secret", None)).json()
    assert new["secret"] != old["secret"]
    with psycopg.connect(database.superuser) as db:
        row = str(db.execute("SELECT * FROM notification.webhook_endpoints").fetchone())
        kept = str(db.execute("SELECT result FROM shared.idempotency_keys").fetchall())
    assert new["secret"][6:20] not in row + kept
    await ada.post_json(f"{API}/{old['id']}/test", None)
    await drain(runtime, DOMAINS)
    headers, body = hook.heard[-1]
    assert verify(old["secret"], headers, body)
    assert verify(new["secret"], headers, body)
    await ada.post_json(f"{API}/{old['id']}/test", None)
    clock.instant = msgspec.convert(new["previous_secret_until"], type=type(clock.instant))
    runtime.clock = clock
    assert await deliveries.deliver(runtime, (await _ids(runtime))[-1]) == "delivered"
    headers, body = hook.heard[-1]
    assert not verify(old["secret"], headers, body)
    assert verify(new["secret"], headers, body)


async def test_an_endpoint_is_checked_changed_with_a_version_and_removed(runtime, sign_in_as, hook) -> None:
    ada = await sign_in_as("ada")
    for body, name in (
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": hook.url, "kinds": ["billing.account.changed"]}, "kinds"),
        ({"url": hook.url, "description": "a\nb"}, "description"),
    ):
        answer = await ada.post_json(API, body)
        assert answer.status_code == 422
        assert name in answer.json()["error"]["details"]["fields"]
    endpoint = await _add(ada, hook.url)
    url = f"{API}/{endpoint['id']}"
    headers = {"sec-fetch-site": "same-origin", "x-csrftoken": ada.csrf}

    async def change(key: str, **more: str):
        body = {"description": "ours"}
        return await ada.client.patch(url, json=body, headers=headers | {"x-idempotency-key": key} | more)

    assert (await change("a", **{"if-match": '"1"'})).headers["etag"] == '"2"'
    assert (await change("b", **{"if-match": '"1"'})).status_code == 412
    assert (await ada.client.get(url)).json()["description"] == "ours"
    gone = await ada.client.delete(url, headers=headers | {"x-idempotency-key": "c"})
    assert gone.status_code == 200
    assert (await ada.client.get(url)).status_code == 404
    assert (await ada.client.get(API)).json()["items"] == []


async def test_a_member_manages_no_webhooks_and_an_organisation_has_its_limit(runtime, sign_in_as, hook) -> None:
    ada = await sign_in_as("ada")
    member = msgspec.structs.replace(ada.actor, bindings=(RoleBinding(Role.TENANT_MEMBER, tenant_of(ada), None),))
    command = AddEndpoint(url=hook.url)
    async with runtime.context(member) as ctx:
        with pytest.raises(Forbidden):
            await webhooks.add_endpoint(ctx, command)
    for _ in range(10):
        await _add(ada, hook.url)
    async with runtime.context(ada.actor) as ctx:
        with pytest.raises(TooManyEndpoints):
            await webhooks.add_endpoint(ctx, command)


async def test_the_page_shows_the_secret_once(runtime, sign_in_as, hook) -> None:
    ada = await sign_in_as("ada")
    form = ada.form(url=hook.url, **{"kind:payments.payment.succeeded": "true"})
    headers = {"sec-fetch-site": "same-origin"}
    first = await ada.client.post("/settings/webhooks", data=form, headers=headers)
    assert first.status_code in (200, 201)
    assert "whsec_" in first.text
    again = await ada.client.post("/settings/webhooks", data=form, headers=headers)
    assert "whsec_" not in again.text
    assert "The secret was already shown." in again.text
    assert (await ada.client.get("/settings/webhooks")).text.count(hook.url) >= 1


async def test_a_delivery_whose_job_was_lost_is_made_by_the_sweeper(runtime, sign_in_as, hook, clock) -> None:
    ada = await sign_in_as("ada")
    endpoint = await _add(ada, hook.url)
    sent = await ada.post_json(f"{API}/{endpoint['id']}/test", None)
    clock.instant = msgspec.convert(sent.json()["created_at"], type=type(clock.instant))
    runtime.clock = clock
    assert await maintenance.sweep(runtime) == 0
    clock.advance(301)
    async with runtime.database.unit_of_work() as unit:
        await unit.session.execute(text("UPDATE shared.outbox_events SET published_at = now()"))
    assert [await maintenance.sweep(runtime) for _ in range(2)] == [1, 0]
    await drain(runtime, DOMAINS)
    assert len(hook.heard) == 1
