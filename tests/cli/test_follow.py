"""`berth events --follow` against the running application: whatever happens on the way, nothing is lost or doubled."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx2
import pytest

from app.cli.client import follow, http
from app.cli.client.exits import Exit, Failure
from app.cli.client.http import accepted, error_of
from app.domains.notification.repository import feed
from app.shared.authz.actor import SYSTEM
from tests.cli.road import Road, gateway, road_to
from tests.fixtures.app import tenant_of

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
LATER = gateway("429 Too Many Requests", "retry-after: 0")
AWAY = gateway("503 Service Unavailable", "retry-after: 0")
BAD = gateway("502 Bad Gateway")
HALF_JSON = gateway("200 OK", body='{"items": [{"id": ').replace(b"text/html", b"application/json")


@pytest.fixture
async def road(server: str, berth, ada, here, monkeypatch: pytest.MonkeyPatch):
    """Ada's command line, with a road that can break between it and the application."""
    token = json.loads(berth.file.read_text())["servers"][server]["access_token"]
    pause, over = time.sleep, threading.Event()

    def shortly(seconds: float) -> None:
        if over.is_set():
            raise KeyboardInterrupt
        pause(min(seconds, 0.01))

    monkeypatch.setattr(http.time, "sleep", shortly)
    async with road_to(server) as found:
        found.over = over
        monkeypatch.setenv("BERTH_URL", found.url)
        monkeypatch.setenv("BERTH_TOKEN", token)
        yield found


@asynccontextmanager
async def following(here, road: Road, words: str) -> AsyncIterator["asyncio.Task[tuple[int, str, str]]"]:
    """A command that goes on until it has enough; it does not outlive its test."""
    task = asyncio.create_task(here(words))
    try:
        async with asyncio.timeout(45):
            yield task
            await asyncio.shield(task)
    finally:
        road.over.set()
        await road.close()
        await task


async def happen(runtime, ada, count: int, ago: timedelta = timedelta(0)) -> list[str]:
    """Events of Ada's organisation, a second apart; their ids."""
    found, began = [uuid4() for _ in range(count)], datetime.now(UTC) - ago
    async with runtime.context(SYSTEM) as ctx:
        for number, identifier in enumerate(found):
            at = began + timedelta(seconds=number)
            facts: dict[str, object] = {"amount": number}
            await feed.append_event(
                ctx.session, tenant_of(ada), identifier, "payments", "payments.payment.succeeded", None, facts, at, at
            )
    return [str(identifier) for identifier in found]


def ids(out: str) -> list[str]:
    return [str(UUID(json.loads(line)["id"])) for line in out.splitlines()]


@pytest.mark.parametrize(
    "deaths", [[[], [300], [LATER, LATER], [AWAY, BAD, HALF_JSON], [1500, 20, 4000]]], ids=["five"]
)
async def test_two_hundred_events_come_once_each_while_the_server_dies_five_times(
    runtime, ada, here, road: Road, deaths: list[list[bytes | int]]
) -> None:
    wanted = []
    async with following(here, road, "events --follow --json --limit 200") as task:
        for ahead in deaths:
            await road.waiting.wait()
            wanted += await happen(runtime, ada, 20)
            await road.close()
            wanted += await happen(runtime, ada, 20)
            road.ahead = list(ahead)
            await road.open()
    status, out, err = task.result()
    assert (status, ids(out)) == (0, wanted), err
    assert road.ahead == []
    assert "Trying on until Ctrl-C." in err and "It answers again." in err


async def test_since_begins_at_an_instant_so_long_ago_or_behind_an_event(runtime, ada, here, road: Road) -> None:
    old = await happen(runtime, ada, 3, timedelta(hours=5))
    new = await happen(runtime, ada, 230, timedelta(hours=1))
    middle = f"{datetime.now(UTC) - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
    for since, wanted in ((middle, new), ("2h", new), ("7200s", new), (old[-1], new), (new[-2], new[-1:]), ("1s", [])):
        road.ahead = [900, 30_000, AWAY]
        status, out, err = await here(f"events --json --url {road.url} --since {since}")
        assert (status, ids(out)) == (0, wanted), err
    async with following(here, road, f"events --follow --json --limit 235 --since {old[-1]}") as task:
        await road.waiting.wait()
        await road.close()
        new += await happen(runtime, ada, 5)
        await road.open()
    status, out, err = task.result()
    assert (status, ids(out)) == (0, new), err


async def test_a_beginning_that_is_none_and_a_refusal_end_it(here, road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    for since, code in (
        ("yesterday", 2), ("5y", 2), ("999999d", 2), ("", 2), ("-1h", 2), ("٣h", 2), (str(UUID(int=7)), 5),
    ):  # fmt: skip
        status, out, err = await here(f"events --follow --since={since}")
        assert (status, out, err.startswith("berth: ")) == (code, "", True), err
    monkeypatch.setenv("BERTH_TOKEN", "nobody")
    assert (await here("events --follow"))[0] == Exit.NOT_SIGNED_IN


def test_a_pause_that_the_server_asks_for_is_made_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(follow.time, "sleep", pauses.append)
    answers = [httpx2.Response(429, headers={"retry-after": "7"})] * 3

    def ask() -> str:
        if not answers:
            return "here"
        said = answers.pop()
        raise error_of(http.Answer(said.status_code, said.headers, said.content, "http://berth.test"))

    assert follow.steadily(ask) == "here"
    assert pauses == [7, 7, 7]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 410, 422, 429, 500, 502, 503, 504])
def test_only_what_the_server_is_at_fault_for_is_asked_again(status: int) -> None:
    with pytest.raises(Failure) as found:
        accepted(http.Answer(status, httpx2.Headers(), b"", "http://berth.test"))
    assert follow.passes(found.value) is (status in (301, 429) or status >= 500)
