"""WebSockets through the proxy: message by message, both ways, until one side closes or the right to be here ends."""

import asyncio
import contextlib

import structlog
from litestar.types import Receive, Send, WebSocketScope

from app.context import Runtime
from app.domains.appruntime.contracts import AppSession, AppView
from app.domains.appruntime.gateway import UpstreamSocket
from app.domains.appruntime.policies import MAX_CONNECTIONS
from app.domains.appruntime.rules.headers import SOCKET_OWN, request_headers
from app.domains.appruntime.service.addresses import host_of, origin_of
from app.domains.appruntime.service.gate import Pass, gate_of
from app.domains.appruntime.service.links import links_of
from app.shared.authz.actor import SYSTEM
from app.shared.errors import DomainError

IDLE_SECONDS = 6 * 3_600.0  # without a message either way
REFUSED, TRY_LATER, OVER = 4403, 1013, 4401

log = structlog.get_logger("berth.apps")


async def serve_socket(
    runtime: Runtime, scope: WebSocketScope, receive: Receive, send: Send, session: AppSession | None
) -> None:
    """One WebSocket. A refusal before the accept is a plain 403 that says nothing."""
    await receive()  # websocket.connect
    web = runtime.settings.web
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    if session is None or origins != [origin_of(web, session.handle)]:
        await send({"type": "websocket.close", "code": REFUSED, "reason": ""})
        return
    gate = gate_of(runtime)
    ruling = await gate.ask(session)
    if ruling.verdict != "pass" or gate.count(session.app_id) >= await _most(runtime, ruling.app):
        await send({"type": "websocket.close", "code": REFUSED, "reason": ""})
        return
    try:
        upstream = await _connect(runtime, scope, ruling.app)
    except DomainError as error:
        log.info("an app did not take a WebSocket", code=error.code, app_id=str(session.app_id))
        await send({"type": "websocket.close", "code": TRY_LATER, "reason": ""})
        return
    try:
        await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol, "headers": []})
        async with gate.connection(session) as one:
            await _join(upstream, receive, send, one)
    finally:
        await upstream.close()


async def _most(runtime: Runtime, app: AppView) -> int:
    async with runtime.context(SYSTEM) as ctx:
        return await ctx.policy(MAX_CONNECTIONS, app.tenant_id, app.project_id)


async def _connect(runtime: Runtime, scope: WebSocketScope, app: AppView) -> UpstreamSocket:
    web = runtime.settings.web
    passed = request_headers(
        scope["headers"], host=host_of(web, app.handle), scheme="https" if web.secure else "http", instance=web.instance
    )
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in passed if name.lower() not in SOCKET_OWN
    ]
    target = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    channel = await links_of(runtime).channel(app)
    return await channel.web_socket(target, headers, scope["subprotocols"])


async def _join(upstream: UpstreamSocket, receive: Receive, send: Send, one: Pass) -> None:
    ways = [
        asyncio.ensure_future(_to_app(upstream, receive)),
        asyncio.ensure_future(_to_browser(upstream, send)),
        asyncio.ensure_future(one.ended.wait()),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        ended = await asyncio.gather(*ways, return_exceptions=True)
    if one.ended.is_set():
        code, reason = OVER, "your access to this app has ended"
    elif ended[0] is True:
        return  # the browser closed: there is nobody to tell
    else:
        code, reason = _code(upstream.close_code), ""
    with contextlib.suppress(RuntimeError, OSError):
        await send({"type": "websocket.close", "code": code, "reason": reason})


def _code(code: int) -> int:
    """A close code that may be sent."""
    return code if code in (1000, 1001, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999 else 1011


async def _to_app(upstream: UpstreamSocket, receive: Receive) -> bool:
    """True when the browser closed."""
    while True:
        async with asyncio.timeout(IDLE_SECONDS):
            event = await receive()
        if event["type"] != "websocket.receive":
            return True
        data, text = event.get("bytes"), event.get("text")
        try:
            await upstream.send(data if data is not None else text or "")
        except OSError:
            return False


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
