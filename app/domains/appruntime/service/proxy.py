"""The web process on the origins of apps: lets a browser in, passes HTTP on to the machine, says in words why not.

The portal never answers here, nor this on the portal. Bodies stream both ways and are never gathered; who goes away
ends what was asked for. See service/gate.py for who may pass and rules/headers.py for what passes.
"""

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import parse_qs, quote

import structlog
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from app.context import Runtime
from app.domains.appruntime.contracts import AppSession, AppView
from app.domains.appruntime.errors import MalformedRequest
from app.domains.appruntime.gateway import AppChannel, Request
from app.domains.appruntime.rules.headers import (
    Fetched,
    body_length,
    is_welcome,
    request_headers,
    response_headers,
    target_of,
)
from app.domains.appruntime.service import entrance
from app.domains.appruntime.service.addresses import handle_in, host_of, origin_of
from app.domains.appruntime.service.gate import Verdict, gate_of
from app.domains.appruntime.service.links import links_of
from app.domains.appruntime.service.sockets import serve_socket
from app.domains.appruntime.service.walls import Answer, static_file, wall
from app.shared.errors import DomainError

log = structlog.get_logger("berth.apps")
OWN = "/_berth/"


class AppProxy:
    """One per web process: an ASGI application for every host that is an app's."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._web = runtime.settings.web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = handle_in(self._web, _header(scope, b"host") or "") or ""
        session = await entrance.session_of(self._runtime, handle, self._cookie(scope))
        if scope["type"] == ScopeType.WEBSOCKET:
            await serve_socket(self._runtime, scope, receive, send, session)
            return
        begun = Begun(send)
        try:
            await self._http(scope, receive, begun.send, handle, session)
        except DomainError as error:
            log.info("an app could not be reached", code=error.code, handle=handle)
            if begun.began:
                return  # half an answer: the server breaks the connection off, so that the browser knows
            if error.status < 500:
                await self._say(send, Answer(error.status, f"{error.message}\n".encode()))
            else:
                await self._say(send, wall(self._runtime, scope, "silent"))

    # -- who --------------------------------------------------------------------------------------------------------

    async def _http(
        self, scope: HTTPScope, receive: Receive, send: Send, handle: str, session: AppSession | None
    ) -> None:
        path = scope["path"]
        if not handle:
            await self._say(send, wall(self._runtime, scope, "stranger"))
            return
        if path.startswith(OWN):
            await self._say(send, await self._own(scope, handle))
            return
        if not is_welcome(scope["method"], fetched(scope), origin_of(self._web, handle)):
            await self._say(send, Answer(403, b"This request did not come from a page of this app.\n"))
        elif session is None:
            await self._say(send, self._to_portal(scope, handle))
        else:
            ruling = await gate_of(self._runtime).ask(session)
            if ruling.verdict == "pass":
                await self._forward(scope, receive, send, session, ruling.app)
            else:
                await self._say(send, self._closed(scope, handle, ruling.verdict, ruling.app))

    async def _own(self, scope: HTTPScope, handle: str) -> Answer:
        """Paths that no app gets: the entrance, and the styles of our own pages."""
        if scope["path"] == entrance.ENTER and scope["method"] == "GET":
            query = parse_qs(scope["query_string"].decode("latin-1"))
            code, path = (query.get(name, [""])[0] for name in ("code", "next"))
            admitted = await entrance.redeem(self._runtime, handle, code)
            if admitted is None:
                return wall(self._runtime, scope, "used_up")
            return self._welcome(*admitted, entrance.safe_path(path))
        return static_file(scope["path"].removeprefix(OWN)) or Answer(404, b"Nothing here.\n")

    def _welcome(self, token: str, seconds: int, path: str) -> Answer:
        secure = "; Secure" if self._web.secure else ""
        cookie = f"{self._web.cookie('app')}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
        target = quote(path, safe="/?&=%#:;,+@!~*'().-_")
        return Answer(303, b"", ((b"set-cookie", cookie.encode()), (b"location", target.encode())))

    def _to_portal(self, scope: HTTPScope, handle: str) -> Answer:
        """A person is led through the portal and back; a program is told."""
        if scope["method"] not in ("GET", "HEAD") or _header(scope, b"sec-fetch-mode") not in (None, "navigate"):
            return Answer(401, b"Open this app from the portal first.\n")
        query = scope["query_string"].decode("latin-1")
        path = scope["path"] + (f"?{query}" if query else "")
        target = f"{self._web.public_url}/apps/at/{handle}?next={quote(path, safe='')}"
        return Answer(303, b"", ((b"location", target.encode()),))

    def _closed(self, scope: HTTPScope, handle: str, verdict: Verdict, app: AppView) -> Answer:
        if verdict == "sign_in":
            return self._to_portal(scope, handle)
        return wall(self._runtime, scope, "stranger" if verdict == "stranger" else app.state, app)

    def _cookie(self, scope: Scope) -> str | None:
        wanted = self._web.cookie("app")
        for part in (_header(scope, b"cookie") or "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == wanted:
                return value
        return None

    # -- what -------------------------------------------------------------------------------------------------------

    async def _forward(self, scope: HTTPScope, receive: Receive, send: Send, session: AppSession, app: AppView) -> None:
        request = self._request(scope, app)
        body = Body(receive, expected=request.length != 0)
        channel = await links_of(self._runtime).channel(app)
        async with gate_of(self._runtime).connection(session) as one:
            work = asyncio.ensure_future(self._exchange(channel, request, body, send))
            leaving = [asyncio.ensure_future(body.gone()), asyncio.ensure_future(one.ended.wait())]
            try:
                await asyncio.wait([work, *leaving], return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()
            finally:
                for task in (work, *leaving):
                    task.cancel()
                await asyncio.gather(work, *leaving, return_exceptions=True)

    def _request(self, scope: HTTPScope, app: AppView) -> Request:
        """What the app is asked. Raises MalformedRequest."""
        given = list(scope["headers"])
        try:
            length = body_length(given)
            target = target_of(scope.get("raw_path") or scope["path"].encode(), scope["query_string"])
        except ValueError as error:
            raise MalformedRequest() from error
        if scope["method"] in ("CONNECT", "TRACE"):  # about the way itself, and there is none to tell of
            raise MalformedRequest()
        headers = request_headers(
            given, host=host_of(self._web, app.handle), scheme=scope["scheme"], instance=self._web.instance
        )
        return Request(method=scope["method"].encode(), target=target, headers=headers, length=length)

    async def _exchange(self, channel: AppChannel, request: Request, body: "Body", send: Send) -> None:
        async with channel.request(request, body.parts() if body.expected else None) as upstream:
            headers = response_headers(upstream.headers, self._web.instance)
            if upstream.length is not None:
                headers.append((b"content-length", b"%d" % upstream.length))
            await send({"type": "http.response.start", "status": upstream.status, "headers": headers})
            async for part in upstream.body:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _say(self, send: Send, answer: Answer) -> None:
        headers = [(b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer"), *answer.headers]
        headers += [(b"content-length", str(len(answer.body)).encode()), (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})


class Begun:
    """Knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.began = False

    async def send(self, message: Message) -> None:
        self.began = True
        await self._send(message)


class Body:
    """A request's body as it comes, and then the moment at which the browser goes away."""

    def __init__(self, receive: Receive, *, expected: bool) -> None:
        self.expected = expected
        self._receive = receive
        self._read = asyncio.Event()  # nobody wants more of it
        self._left = False

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Raises ConnectionResetError when the browser goes away in the middle."""
        try:
            while True:
                message = await self._receive()
                if message["type"] != "http.request":
                    self._left = True
                    raise ConnectionResetError("the browser went away")
                if message["body"]:
                    yield message["body"]
                if not message["more_body"]:
                    return
        finally:
            self._read.set()

    async def gone(self) -> None:
        """Returns when the browser has gone away; what an app did not want of the body is let go by."""
        if self.expected:
            await self._read.wait()
        while not self._left and (await self._receive())["type"] != "http.disconnect":
            pass


def fetched(scope: Scope) -> Fetched:
    """What the browser says about where a request comes from."""
    names = (b"origin", b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
    return Fetched(*(_header(scope, name) for name in names))


def _header(scope: Scope, name: bytes) -> str | None:
    """One that came several times is like none that anybody expects."""
    found = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return ("; " if name == b"cookie" else ", ").join(found) if found else None
