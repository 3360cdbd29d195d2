"""WebSockets through the proxy: message by message, both ways, until one side closes or the right to be here ends."""

import asyncio
import contextlib
from http import HTTPStatus
from typing import cast

import structlog
from litestar.types import Message, Receive, Send, WebSocketScope
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.domains.appruntime.contracts import AppView
from app.domains.appruntime.errors import MalformedRequest
from app.domains.appruntime.gateway import Upstream, UpstreamSocket
from app.domains.appruntime.gateway.socket import ABNORMAL, NO_STATUS
from app.domains.appruntime.policies import MAX_CONNECTIONS
from app.domains.appruntime.rules.headers import SOCKET_OWN, Header, request_headers, response_headers, target_of
from app.domains.appruntime.service.addresses import host_of, origin_of
from app.domains.appruntime.service.admission import Pass, admission_of
from app.domains.appruntime.service.callers import Caller, caller_of
from app.domains.appruntime.service.links import links_of
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.errors import DomainError

IDLE_SECONDS = 6 * 3_600.0  # without a message either way
REFUSED, BROKEN, OVER = 4403, 1011, 4401
MAX_REFUSAL = 256 * 1024  # bytes of an answer with which an app refuses a WebSocket

log = structlog.get_logger("berth.apps")


async def serve_socket(runtime: Runtime, scope: WebSocketScope, receive: Receive, send: Send, handle: str) -> None:
    """One WebSocket. A refusal of ours before the accept is a plain 403 that says nothing."""
    await receive()  # websocket.connect
    passing = Passing(send)
    try:
        await _serve(runtime, scope, receive, passing, handle)
    except (DomainError, RedisError, SQLAlchemyError) as error:
        code = error.code if isinstance(error, DomainError) else type(error).__name__
        log.info("a WebSocket to an app was not opened", code=code, handle=handle)
        if not passing.answered:
            await _refuse(send)


class Passing:
    """Sends to the browser, and knows whether it has been answered."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.answered = False

    async def __call__(self, message: Message) -> None:
        self.answered = True
        await self._send(message)


async def _serve(runtime: Runtime, scope: WebSocketScope, receive: Receive, send: Send, handle: str) -> None:
    caller = await caller_of(runtime, scope, handle)
    session = caller.session
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    own = caller.is_program or origins == [origin_of(runtime.settings.web, handle)]
    if session is None or not own:
        await _refuse(send)
        return
    admission = admission_of(runtime)
    ruling = await admission.ask(session)
    if ruling.verdict != "pass" or admission.count(session.app_id) >= await _limit(runtime, ruling.app):
        await _refuse(send)
        return
    target, headers = _opening(runtime, scope, caller, ruling.app)
    channel = await links_of(runtime).channel(ruling.app)
    async with channel.web_socket(target, headers, scope["subprotocols"]) as upstream:
        if isinstance(upstream, Upstream):
            await _pass_refusal(runtime, upstream, send)
            return
        await _accept(runtime, upstream, send)
        async with admission.connection(session) as one:
            await _join(upstream, receive, send, one)


async def _refuse(send: Send) -> None:
    await send({"type": "websocket.close", "code": REFUSED, "reason": ""})


async def _limit(runtime: Runtime, app: AppView) -> int:
    async with runtime.context(SYSTEM) as ctx:
        return await ctx.policy(MAX_CONNECTIONS, app.tenant_id, app.project_id)


def _opening(runtime: Runtime, scope: WebSocketScope, caller: Caller, app: AppView) -> tuple[bytes, list[Header]]:
    """Where in the app, and with which headers. Raises MalformedRequest."""
    web = runtime.settings.web
    host = host_of(web, app.handle)
    passed = request_headers(scope["headers"], host=host, scheme=web.scheme, instance=web.instance, spent=caller.spent)
    try:
        target = target_of(scope.get("raw_path") or scope["path"].encode(), scope["query_string"])
    except ValueError as error:
        raise MalformedRequest() from error
    return target, [(name, value) for name, value in passed if name not in SOCKET_OWN]


async def _accept(runtime: Runtime, upstream: UpstreamSocket, send: Send) -> None:
    """With the headers of the app's own 101: cookies, above all."""
    passed = response_headers(upstream.headers, runtime.settings.web.instance)
    headers = [(name, value) for name, value in passed if name not in SOCKET_OWN]
    await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol, "headers": headers})


async def _pass_refusal(runtime: Runtime, upstream: Upstream, send: Send) -> None:
    """The app's own answer, whole or cut at MOST_REFUSAL. A status that has no name is its class's (RFC 9110, 15)."""
    known = {status.value for status in HTTPStatus}
    status = upstream.status if upstream.status in known else upstream.status // 100 * 100
    headers = response_headers(upstream.headers, runtime.settings.web.instance)
    body = b""
    async for part in upstream.body:
        body = (body + part)[:MAX_REFUSAL]
        if len(body) == MAX_REFUSAL:
            break
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})


async def _join(upstream: UpstreamSocket, receive: Receive, send: Send, one: Pass) -> None:
    """Both ways until one side closes; the other is told with the same code and reason."""
    to_app = asyncio.ensure_future(_to_app(upstream, receive))
    ways = [to_app, asyncio.ensure_future(_to_browser(upstream, send)), asyncio.ensure_future(one.ended.wait())]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    if one.ended.is_set():
        await _close(send, OVER, "your access to this app has ended")
    elif to_app.done() and not to_app.cancelled() and to_app.exception() is None and (left := to_app.result()):
        await upstream.close(*left)
        return
    else:
        close = upstream.closed
        await _close(send, BROKEN if close.code == ABNORMAL else close.code, close.reason)
    await upstream.close()


async def _close(send: Send, code: int, reason: str) -> None:
    """An empty frame for 1005, as the app sent it: uvicorn takes None for that."""
    message = {"type": "websocket.close", "code": None if code == NO_STATUS else code, "reason": reason}
    with contextlib.suppress(RuntimeError, OSError):
        await send(cast("Message", message))


async def _to_app(upstream: UpstreamSocket, receive: Receive) -> tuple[int, str] | None:
    """With which code and reason the browser left; None when the app did. Without a reason it did not close but broke
    off."""
    while True:
        async with asyncio.timeout(IDLE_SECONDS):
            event = await receive()
        if event["type"] == "websocket.disconnect":
            close = cast("dict[str, object]", event)
            code = close.get("code")
            broke_off = "reason" not in close and code in (None, NO_STATUS)
            return (ABNORMAL if broke_off or not isinstance(code, int) else code), str(close.get("reason") or "")
        if event["type"] != "websocket.receive":
            continue
        data, text = event.get("bytes"), event.get("text")
        try:
            await upstream.send(data if data is not None else text or "")
        except OSError:
            return None


async def _to_browser(upstream: UpstreamSocket, send: Send) -> None:
    while True:
        try:
            message = await upstream.receive()
        except OSError:
            return
        if message is None:
            return
        if isinstance(message, str):
            await send({"type": "websocket.send", "bytes": None, "text": message})
        else:
            await send({"type": "websocket.send", "bytes": message, "text": None})
