"""Events and system: what waits, what died and comes back, who is there, what is announced, which faults are on."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.domains.admin import gateway
from app.domains.admin.jobs import check_dependencies
from app.domains.admin.service import events, system
from app.domains.admin.service.system import Health
from app.domains.auth.events import SessionStarted
from app.settings import Allowed
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import new_id
from app.shared.outbox.dead_letters import DeadMessage, add_dead_letter
from app.shared.outbox.report import ConsumerFigures, ConsumersSeen, keep_figures
from tests.domains.admin.helpers import audited, give_role, words
from tests.fixtures.batches import run_batches
from tests.shared.batch.test_batch import Things, begin
from tests.simulators.stripe_world import SECRET_KEY, stripe_world

SUBJECT = "berth.v1.auth.session.started"


async def _bury(runtime: Runtime, *, mail: str = "ada@acme.example") -> None:
    body = {"envelope": {"id": str(new_id())}, "data": {"email": mail, "session_id": "s", "secret": "abc"}}
    async with runtime.context(SYSTEM) as ctx:
        dead = DeadMessage(
            consumer="notification.live",
            subject=SUBJECT,
            message_id=new_id(),
            body=msgspec.json.encode(body),
            error=f"ValueError: {mail} is not known",
            attempts=8,
            correlation_id="story-0001",
        )
        await add_dead_letter(ctx.session, dead)


async def test_what_waits_is_counted_by_kind_and_a_silent_broker_is_said(runtime: Runtime, sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)
    async with runtime.context(SYSTEM) as ctx:
        for _ in range(3):
            await ctx.emit(SessionStarted(session_id=new_id(), user_id=new_id()), version=1)
    view = (await olga.client.get("/api/v1/admin/events")).json()
    assert sum(line["rows"] for line in view["waiting"] if line["kind"] == "event") >= 3
    assert len(view["leases"]) == 16 and view["consumers"] is None
    page = words((await olga.client.get("/admin/events")).text)
    assert "16 shards are without a relay" in page and "Not measured in the last 30 seconds" in page
    one = ConsumerFigures(name="notification.live", pending=7, unanswered=1, redelivered=0)
    await keep_figures(runtime.valkey, ConsumersSeen(at=datetime.now(UTC), consumers=(one,)))
    assert "notification.live 7 1 0" in words((await olga.client.get("/admin/events")).text)


async def test_a_dead_letter_is_shown_without_secrets_sent_again_once_and_given_up_with_a_reason(
    runtime: Runtime, sign_in_as: Any
) -> None:
    olga = await sign_in_as("olga", operator=True)
    await _bury(runtime)
    await _bury(runtime)
    first, second = (await olga.client.get("/api/v1/admin/dead-letters")).json()["items"]
    page = await olga.client.get(f"/admin/events/dead-letters/{first['id']}")
    assert page.status_code == 200 and "ada@acme.example" not in page.text and "abc" not in page.text
    path = f"/admin/events/dead-letters/{first['id']}"
    assert (await olga.post(f"{path}/redrive")).status_code == 303
    assert (await olga.post(f"{path}/redrive")).status_code == 409
    assert (await olga.post(f"{path}/discard", reason="too late")).status_code == 409
    path = f"/admin/events/dead-letters/{second['id']}"
    assert (await olga.post(f"{path}/discard", reason="")).status_code == 422
    assert (await olga.post(f"{path}/discard", reason="done by hand")).status_code == 303
    assert (await olga.client.get("/api/v1/admin/dead-letters")).json()["items"] == []
    assert len((await olga.client.get("/api/v1/admin/dead-letters?all=true")).json()["items"]) == 2
    actions = [row["action"] for row in await audited(runtime)]
    assert "dead_letter.redrive" in actions and "dead_letter.discard" in actions


async def test_all_that_wait_are_sent_again_at_once_by_those_who_may(runtime: Runtime, sign_in_as: Any) -> None:
    olga, eve = await sign_in_as("olga", operator=True), await sign_in_as("eve")
    await give_role(runtime, eve, "platform_auditor")
    for _ in range(3):
        await _bury(runtime)
    assert (await eve.client.get("/admin/events")).status_code == 200
    assert (await eve.post("/admin/events/dead-letters/redrive")).status_code == 403
    assert (await olga.post_json("/api/v1/admin/dead-letters/redrive", {})).json() == {"count": 3}
    await run_batches(runtime, events.REDRIVE_ALL)
    assert "No dead letters." in words((await olga.client.get("/admin/events")).text)


# -- system ---------------------------------------------------------------------------------------------------------


async def test_the_page_shows_what_a_worker_met_and_never_waits_itself(runtime: Runtime, sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)
    await runtime.valkey.delete(system.HEALTH_KEY)
    assert "Not checked in the last minute" in (await olga.client.get("/admin/system")).text
    await check_dependencies(runtime, {})
    raw = await runtime.valkey.get(system.HEALTH_KEY)
    found = {one.name: one for one in msgspec.json.decode(raw, type=Health).dependencies}
    assert found["PostgreSQL"].ok and found["Valkey"].ok
    assert not found["NATS"].ok and not found["Stripe"].ok
    await runtime.valkey.set("berth:worker:4711", "host-a")
    page = words((await olga.client.get("/admin/system")).text)
    assert "PostgreSQL Available" in page and "NATS Unavailable" in page
    assert "on host-a, process 4711" in page and "different migrations" not in page


async def test_a_dependency_that_says_nothing_costs_two_seconds_and_no_more(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()

    monkeypatch.setattr(gateway, "SECONDS", 1.0)
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        runtime.settings = msgspec.structs.replace(runtime.settings, nats_url=f"nats://127.0.0.1:{port}")
        found = {one.name: one for one in await gateway.check(runtime)}
    assert not found["NATS"].ok and found["NATS"].detail.startswith("no answer")


async def test_an_announcement_stands_on_the_pages_it_is_for_until_put_away(runtime: Runtime, sign_in_as: Any) -> None:
    ada, olga = await sign_in_as("ada"), await sign_in_as("olga", operator=True)
    said = {"text": "<b>Maintenance</b> at nine", "level": "warn", "audience": "customers"}
    made = (await olga.post_json("/api/v1/admin/announcements", said)).json()
    page = (await ada.client.get("/billing")).text
    assert "&lt;b&gt;Maintenance&lt;/b&gt; at nine" in page
    assert 'class="announcement' not in (await olga.client.get("/admin/policies")).text
    away = await ada.client.post(
        f"/announcements/{made['id']}/dismiss",
        data={"_csrf_token": ada.csrf},
        headers={"sec-fetch-site": "same-origin", "referer": "http://localhost:8000/billing?x=1"},
    )
    assert away.status_code == 303 and away.headers["location"] == "/billing"
    assert 'class="announcement' not in (await ada.client.get("/billing")).text
    ben = await sign_in_as("ben")
    assert 'class="announcement' in (await ben.client.get("/billing")).text
    assert (await olga.post(f"/admin/system/announcements/{made['id']}/withdraw")).status_code == 303
    assert 'class="announcement' not in (await ben.client.get("/billing")).text


@pytest.mark.parametrize(
    "form",
    [
        {"text": ""},
        {"text": "x" * 501},
        {"text": "fine", "level": "loud"},
        {"text": "fine", "audience": "nobody"},
        {"text": "fine", "to": "2020-01-01T00:00"},
        {"text": "fine", "from": "soon"},
    ],
)
async def test_an_announcement_that_cannot_be_shown_is_refused(sign_in_as: Any, form: dict[str, str]) -> None:
    olga = await sign_in_as("olga", operator=True)
    assert (await olga.post("/admin/system/announcements", **form)).status_code == 422


async def test_a_planned_announcement_waits_for_its_time(runtime: Runtime, sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)
    later = datetime.now(UTC) + timedelta(hours=1)
    said = {"text": "tomorrow", "from_at": later.isoformat()}
    assert (await olga.post_json("/api/v1/admin/announcements", said)).status_code == 201
    page = words((await olga.client.get("/admin/system")).text)
    assert "Scheduled" in page and 'class="announcement' not in (await olga.client.get("/admin/system")).text


async def test_operators_see_what_production_was_told_to_let_pass(runtime: Runtime, sign_in_as: Any) -> None:
    olga = await sign_in_as("olga", operator=True)
    assert "Exceptions from" not in words((await olga.client.get("/admin/system")).text)
    allowed = (Allowed("plain-s3", "files pass by http", ("BERTH_S3_URL",)), Allowed("local-maas", "MAAS is here"))
    runtime.settings = msgspec.structs.replace(runtime.settings, allowed=allowed)
    page = words((await olga.client.get("/admin/system")).text)
    assert "plain-s3 : files pass by http used by BERTH_S3_URL" in page
    assert "not used" in page
    seen = (await olga.client.get("/api/v1/admin/system")).json()["allowed"]
    assert [one["name"] for one in seen] == ["plain-s3", "local-maas"]


async def test_faults_are_switched_in_development_and_exist_nowhere_else(
    runtime: Runtime, sign_in_as: Any, tmp_path: Path
) -> None:
    olga = await sign_in_as("olga", operator=True)
    async with stripe_world(tmp_path / "stripe") as world:
        stripe = msgspec.structs.replace(runtime.settings.stripe, secret_key=SECRET_KEY, api_url=world.url)
        runtime.settings = msgspec.structs.replace(runtime.settings, stripe=stripe)
        on = {"simulator": "stripe", "name": "card_declined", "spec": '{"count": 2}'}
        assert (await olga.post("/admin/system/faults", **on)).status_code == 303
        page = words((await olga.client.get("/admin/system")).text)
        assert "card_declined stripe" in page
        assert (await olga.post("/admin/system/faults", **{**on, "off": "1"})).status_code == 303
        assert "No fault is on" in words((await olga.client.get("/admin/system")).text)
        assert (await olga.post("/admin/system/faults", **{**on, "spec": "nonsense"})).status_code == 422
        assert (await olga.post("/admin/system/faults", **{**on, "name": "../x"})).status_code == 422
        assert (await olga.post("/admin/system/faults", **{**on, "simulator": "moon"})).status_code == 404
    runtime.settings = msgspec.structs.replace(runtime.settings, env="production")
    assert (await olga.post("/admin/system/faults", **on)).status_code == 404
    assert "Faults of the simulators" not in (await olga.client.get("/admin/system")).text


async def test_operators_see_how_far_work_on_many_is(runtime, sign_in_as) -> None:
    olga, things = await sign_in_as("olga", operator=True), Things(20)
    things.odd = {UUID(int=3)}
    await begin(runtime, things)
    await run_batches(runtime, things.spec)
    (batch,) = (await olga.client.get("/api/v1/admin/events")).json()["batches"]
    assert (batch["title"], batch["state"], batch["done"], batch["total"]) == ("Counting", "running", 19, 20)
    assert batch["next_at"] and batch["round"] == 2
    page = words((await olga.client.get("/admin/events")).text)
    assert "Counting 19 of 20" in page and "odd" in page
