"""The echo app on a real simulated machine, through the real server: what passes the proxy, and what does not."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.domains.appruntime.contracts import AppView
from tests.domains.appruntime.world import Desk, Tab, code_in
from tests.domains.terminal.world import Visitor

pytestmark = pytest.mark.commits
Visit = Callable[..., Awaitable[Visitor]]
Open = Callable[[AppView], Tab]


async def test_a_click_leads_to_the_app_and_leaves_no_code_in_the_address(desk: Desk, ada: Visitor, tabs: Open) -> None:
    app = await desk.running()
    tab = tabs(app)
    entered = await tab.enter(ada, app.id)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert entered.headers["referrer-policy"] == "no-referrer"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Domain" not in cookie
    shown = await tab.get("/")
    assert shown.status_code == 200 and "<h1>Echo</h1>" in shown.text


async def test_a_code_works_once_for_its_own_app_and_in_the_browser_that_asked(
    desk: Desk, ada: Visitor, tabs: Open
) -> None:
    one, other = await desk.running(name="one"), await desk.running(name="other")
    tab, elsewhere = tabs(one), tabs(other)
    location = await tab.way_in(ada, one.id)
    elsewhere.browser = tab.browser
    refused = await elsewhere.get(f"/_berth/enter?code={code_in(location)}&next=/")
    assert refused.status_code == 410 and "set-cookie" not in refused.headers
    assert (await tab.follow(location)).status_code == 410  # the wrong door used it up too

    victim = tabs(one)  # another person's browser, led to an address with a code that is not theirs
    for browser in ("", f"{victim.browser_name}={'x' * 43}"):
        victim.browser = browser
        refused = await victim.follow(await tab.way_in(ada, one.id))
        assert refused.status_code == 410 and "set-cookie" not in refused.headers

    first, second = await tab.way_in(ada, one.id), await tab.way_in(ada, one.id)  # two tabs at once
    assert (await tab.follow(first)).status_code == 303
    assert (await tab.follow(second)).status_code == 303
    again = await tab.follow(second)  # loaded again: inside already
    assert (again.status_code, again.headers["location"]) == (303, "/")
    assert (await tabs(one).follow(second)).status_code == 410
    stolen = tabs(other)
    stolen.cookie = tab.cookie  # a cookie of one app opens no other
    assert (await stolen.get("/", sec_fetch_mode="navigate")).status_code == 303


async def test_an_address_of_the_portal_without_a_browser_gives_no_code(desk: Desk, ada: Visitor, tabs: Open) -> None:
    app = await desk.running()
    for browser in ("", "&browser=", "&browser=" + "g" * 64, "&browser=" + "a" * 63):
        sent = await ada.client.get(f"/apps/at/{app.handle}?next=/{browser}")
        assert sent.status_code == 303 and urlsplit(sent.headers["location"]).path == "/_berth/start"
        assert "code=" not in sent.headers["location"]


@pytest.mark.slow
async def test_who_comes_without_a_cookie_is_led_through_the_portal_and_back(
    desk: Desk, ada: Visitor, tabs: Open
) -> None:
    app = await desk.running()
    tab = tabs(app)
    sent = tab.keep(await tab.get("/lab?tree=a b", sec_fetch_mode="navigate"))
    assert sent.status_code == 303
    entered = await tab.follow(await tab.through_portal(ada, sent.headers["location"]))
    assert entered.headers["location"].startswith("/lab?tree=a")
    assert (await tab.get("/")).status_code == 200
    fetched = await tabs(app).get("/headers", sec_fetch_mode="cors", sec_fetch_site="same-origin")
    assert fetched.status_code == 401 and fetched.headers["www-authenticate"].startswith("Bearer")


async def test_the_app_sees_no_cookie_of_ours_and_no_forged_header(desk: Desk, ada: Visitor, tabs: Open) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    own = tab.cookie
    tab.cookie = f"{own}; {ada.cookie}; theirs=1"
    answer = await tab.get("/headers?x=1", x_forwarded_for="6.6.6.6", x_forwarded_host="evil", forwarded="for=6.6.6.6")
    seen = {name.lower(): value for name, value in answer.json()["headers"]}
    assert answer.json()["path"] == "/headers?x=1"
    assert seen["cookie"] == "theirs=1"
    assert seen["host"] == seen["x-forwarded-host"] == tab.host
    assert seen["x-forwarded-proto"] == "http"
    assert "x-forwarded-for" not in seen and "forwarded" not in seen
    tab.cookie = own
    baked = (await tab.get("/cookies")).headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in baked] == ["plain", "wide", "upper"]
    assert not any("domain" in cookie.lower() for cookie in baked)
    forged = await tab.get(f"/forge?{tab.cookie_name}")
    assert forged.text == "forged" and "set-cookie" not in forged.headers


async def test_requests_that_other_pages_make_are_refused(desk: Desk, ada: Visitor, tabs: Open) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    for headers in (
        {"origin": "http://evil.localhost"},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    ):
        assert (await tab.get("/headers", **headers)).status_code == 403
    with pytest.raises(InvalidStatus):
        await tab.socket(origin="http://evil.localhost")


@pytest.mark.slow
async def test_bodies_stream_both_ways_whatever_their_size(desk: Desk, ada: Visitor, tabs: Open) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    body = bytes(range(256)) * 40_000
    sized = await tab.client.post("/", content=body, headers=tab.headers(origin=tab.origin))
    assert sized.json() == {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}

    async def parts():  # type: ignore[no-untyped-def]
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    chunked = await tab.client.post("/", content=parts(), headers=tab.headers(origin=tab.origin))
    assert chunked.json()["sha256"] == hashlib.sha256(body).hexdigest()
    size, hashed = 0, hashlib.sha256()
    async with tab.client.stream("GET", "/big?20000000", headers=tab.headers()) as answer:
        async for part in answer.aiter_raw():
            size += len(part)
            hashed.update(part)
    pattern = bytes(range(256)) * 256
    whole = pattern * (20_000_000 // len(pattern)) + pattern[: 20_000_000 % len(pattern)]
    assert (size, hashed.hexdigest()) == (20_000_000, hashlib.sha256(whole).hexdigest())


async def test_an_event_stream_arrives_as_it_is_written(desk: Desk, ada: Visitor, tabs: Open) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    seen = ""
    async with asyncio.timeout(5), tab.client.stream("GET", "/stream", headers=tab.headers()) as answer:
        async for text in answer.aiter_text():
            seen += text
            if "data: 1\n" in seen:
                break
    assert seen.startswith("data: 0\n\n")


async def test_a_web_socket_passes_with_its_subprotocol_and_large_messages(
    desk: Desk, ada: Visitor, tabs: Open
) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    socket = await tab.socket()
    assert socket.subprotocol == "echo.v1"
    for message in ("grüße", b"\x00\xff" * 10, "x" * 600_000, b"y" * 70_000):
        await socket.send(message)
        assert await asyncio.wait_for(socket.recv(), 5) == message
    await socket.close(3001, "done")
    with pytest.raises(InvalidStatus):
        await tabs(app).socket()  # without a cookie


async def test_sign_out_ends_pages_streams_and_sockets_within_five_seconds(
    desk: Desk, ada: Visitor, tabs: Open
) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    socket = await tab.socket()
    streaming = tab.client.stream("GET", "/stream", headers=tab.headers())
    answer = await streaming.__aenter__()
    await ada.sign_out()
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        with pytest.raises(Exception):  # noqa: B017, PT011 - the connection breaks in one of several ways
            async for _ in answer.aiter_raw():
                pass
        while (await tab.get("/", sec_fetch_mode="navigate")).status_code == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
    await streaming.__aexit__(None, None, None)


async def test_to_others_an_app_does_not_exist(desk: Desk, visitors: Visit, tabs: Open) -> None:
    app = await desk.running()
    eve = await visitors("eve")
    for path in (
        f"/apps/{app.id}",
        f"/apps/{app.id}/open",
        f"/apps/{app.id}/log",
        f"/api/v1/apps/{app.id}",
        f"/apps/at/{app.handle}",
    ):
        assert (await eve.client.get(path)).status_code == 404, path
    assert "echo" not in (await eve.client.get("/api/v1/apps")).text


async def test_the_portal_does_not_answer_for_an_app_nor_the_other_way_round(
    desk: Desk, ada: Visitor, tabs: Open
) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    tab.cookie += f"; {ada.cookie}"
    assert (await tab.get("/machines")).status_code == 404  # the app's own 404
    assert (await tab.get("/api/v1/apps")).text == "nothing here\n"
    assert (await ada.client.get("/_berth/enter?code=x")).status_code == 404
    nobody = await tab.client.get("/", headers={"host": f"zzz.{urlsplit(ada.url).netloc}"})
    assert nobody.status_code == 404 and "There is no such app" in nobody.text


@pytest.mark.slow
async def test_an_app_that_is_down_says_so_with_a_way_back(desk: Desk, ada: Visitor, tabs: Open) -> None:
    app = await desk.running()
    tab = tabs(app)
    await tab.enter(ada, app.id)
    await desk.act(app.id, "stop")
    await desk.down(app.id)
    async with asyncio.timeout(5):
        while (shown := await tab.get("/")).status_code == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert shown.status_code == 503 and "The app is stopped" in shown.text
    assert f"/apps/{app.id}" in shown.text
    style = await tab.get("/_berth/dist/berth.css")
    assert style.headers["content-type"].startswith("text/css")
    assert (await tab.get("/_berth/dist/..%2f..%2fsettings.css")).status_code == 404
    opened = await ada.client.get(f"/apps/{app.id}/open")
    assert opened.status_code == 409
