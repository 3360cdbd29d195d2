"""A token opens one socket, once, from the page and the session it was made for; nothing else does."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from app.domains.terminal.contracts import PROTOCOL
from app.domains.terminal.service.tickets import TOKEN_SECONDS, read_token, token_key
from app.shared.context import Runtime
from app.shared.crypto import new_secret
from tests.domains.terminal.world import Machine, Tab, Visitor

pytestmark = pytest.mark.commits
Visit = Callable[..., Awaitable[Visitor]]


async def refused(visitor: Visitor, token: str, origin: str | None = "", cookie: str = "") -> bool:
    with pytest.raises(InvalidStatus) as caught:
        await visitor.dial(token, origin, cookie)
    return caught.value.response.status_code == 403


async def test_a_token_opens_one_socket_and_no_second(ada: Visitor, machine: Machine) -> None:
    token = await ada.token(machine.id)
    socket = await ada.dial(token)
    assert socket.subprotocol == PROTOCOL
    assert await refused(ada, token)


async def test_two_sockets_with_one_token_at_the_same_moment_are_one(ada: Visitor, machine: Machine) -> None:
    token = await ada.token(machine.id)
    outcomes = await asyncio.gather(*(ada.dial(token) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_a_token_lives_half_a_minute_under_its_hash(ada: Visitor, machine: Machine, runtime: Runtime) -> None:
    answer = await ada.ask_token(machine.id)
    token = answer.json()["token"]
    assert 0 < await runtime.valkey.ttl(token_key(token)) <= TOKEN_SECONDS == 30
    assert all(token.encode() not in key for key in await runtime.valkey.keys("*"))
    assert answer.headers["cache-control"] == "no-store"
    assert token not in answer.json()["url"]
    await runtime.valkey.delete(token_key(token))  # what Valkey does after that time
    assert await refused(ada, token)


@pytest.mark.parametrize(
    "change",
    [
        lambda url: None,
        lambda url: "null",
        lambda url: url.replace("localhost", "LOCALHOST"),
        lambda url: url.replace("localhost", "evil.localhost"),
        lambda url: url + "0",
        lambda url: url + "/",
        lambda url: url.replace("http:", "https:"),
        lambda url: url.replace("localhost", "127.0.0.1"),
    ],
)
async def test_every_other_origin_is_refused(
    ada: Visitor, machine: Machine, change: Callable[[str], str | None]
) -> None:
    token = await ada.token(machine.id)
    assert await refused(ada, token, change(ada.url))
    assert (await ada.dial(token)).subprotocol == PROTOCOL  # the refusal did not use it up


async def test_a_token_is_worth_nothing_to_another_session_or_person(visitors: Visit, machine: Machine) -> None:
    ada = await visitors("ada")
    same_person = await visitors("ada")
    mallory = await visitors("mallory")
    for thief in (same_person, mallory):
        assert await refused(thief, await ada.token(machine.id))
    assert await refused(ada, await ada.token(machine.id), cookie="no=session")


async def test_another_tenants_machine_is_not_there(visitors: Visit, machine: Machine) -> None:
    mallory = await visitors("mallory")
    foreign, missing = await mallory.ask_token(machine.id), await mallory.ask_token(uuid4())
    assert foreign.status_code == missing.status_code == 404
    assert (await mallory.client.get(f"/machines/{machine.id}/terminal")).status_code == 404


async def test_another_persons_shell_is_not_there(visitors: Visit, ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id)
    mallory = await visitors("mallory")
    assert (await mallory.ask_token(machine.id, tab.terminal_id)).status_code == 404
    assert (await ada.ask_token(machine.id, uuid4())).status_code == 404


async def test_minting_wants_a_csrf_token_and_our_own_origin(ada: Visitor, machine: Machine) -> None:
    path = f"/machines/{machine.id}/terminal/token"
    cross = {"sec-fetch-site": "cross-site", "x-csrftoken": ada.csrf}
    assert (await ada.client.post(path, json={}, headers=cross)).status_code == 403
    assert (await ada.client.post(path, json={}, headers={"sec-fetch-site": "same-origin"})).status_code == 403


def test_only_canonical_tokens_of_the_right_length_are_read() -> None:
    good = new_secret()
    assert read_token([PROTOCOL, good]) == good
    for bad in (good + "=", good[:-1], good + "A", good[:-1] + "~", "", "é" * 43, good.replace(good[0], " ", 1)):
        assert read_token([PROTOCOL, bad]) is None
    assert read_token([good]) is None
    assert read_token([good, PROTOCOL]) is None
    assert read_token([PROTOCOL, good, good]) is None


async def attached(ada: Visitor, machine: Machine) -> Tab:
    return await ada.tab(machine.id)


async def test_a_frame_over_64_kib_closes_the_socket_with_1009(ada: Visitor, machine: Machine) -> None:
    tab = await attached(ada, machine)
    await tab.socket.send(b"x" * (64 * 1024 + 1))
    assert await tab.until_closed() == 1009


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        '{"type":"unknown"}',
        '{"type":"ack","offset":"1"}',
        '{"type":"ack","offset":999999999}',
        '{"type":"resize","cols":1e308,"rows":1}',
        "[" * 10_000,
    ],
)
async def test_a_frame_outside_the_protocol_closes_the_socket_with_1008(
    ada: Visitor, machine: Machine, frame: str
) -> None:
    tab = await attached(ada, machine)
    await tab.socket.send(frame)
    assert await tab.until_closed() == 1008


async def test_a_storm_of_frames_closes_the_socket_with_1008(ada: Visitor, machine: Machine) -> None:
    tab = await attached(ada, machine)
    frame = msgspec.json.encode({"type": "resize", "cols": 80, "rows": 24}).decode()
    closed = asyncio.create_task(tab.until_closed(20))
    for _ in range(20_000):
        if closed.done():
            break
        try:
            await tab.socket.send(frame)
        except Exception:
            break
    assert await closed == 1008


async def test_a_size_that_no_window_has_is_made_one(ada: Visitor, machine: Machine) -> None:
    tab = await ada.tab(machine.id, size=(-5, 10**9))
    assert (await tab.run("stty size")).split() == ["1000", "2"]


async def test_who_does_not_attach_is_closed(ada: Visitor, machine: Machine) -> None:
    socket = await ada.dial(await ada.token(machine.id))
    await socket.send(b"ls\n")
    await socket.wait_closed()
    assert socket.close_code == 1008
