"""The web process on the origins of apps: lets a browser in, passes HTTP on to the machine, says in words why not.

The portal never answers here, nor this on the portal. Bodies stream both ways and are never gathered; who goes away
ends what was asked for. See service/admission.py for who may pass and rules/headers.py for what passes.
"""

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import parse_qs, quote

import structlog
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Receive, Scope, Send
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.domains.appruntime.contracts import AppSession, AppView
from app.domains.appruntime.errors import AccessEnded, MalformedRequest
from app.domains.appruntime.gateway import AppChannel, Request
from app.domains.appruntime.rules.headers import (
    Fetched,
    body_length,
    is_welcome,
    request_headers,
    response_headers,
    target_of,
)
from app.domains.appruntime.service import app_sign_in
from app.domains.appruntime.service.addresses import handle_in, host_of, origin_of
from app.domains.appruntime.service.admission import Verdict, admission_of
from app.domains.appruntime.service.callers import Caller, caller_of, cookie
from app.domains.appruntime.service.error_pages import PLAIN, Answer, static_file, wall
from app.domains.appruntime.service.links import links_of
from app.domains.appruntime.service.sockets import Passing, serve_socket
from app.shared.context import Runtime
from app.shared.errors import DomainError

log = structlog.get_logger("berth.apps")
OWN = "/_berth/"
BROWSER_COOKIE = "app-browser"
CHALLENGE = (*PLAIN, (b"www-authenticate", b'Bearer realm="berth"'))
LATER = (*PLAIN, (b"retry-after", b"3"))
NO_TOKEN = Answer(403, b"This token opens no app here.\n")


class AppProxy:
    """One per web process: an ASGI application for every host that is an app's."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._web = runtime.settings.web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = handle_in(self._web, _header(scope, b"host") or "") or ""
        if scope["type"] == ScopeType.WEBSOCKET:
            await serve_socket(self._runtime, scope, receive, send, handle)
            return
        passing = Passing(send)
        try:
            await self._http(scope, receive, passing, handle)
        except (DomainError, RedisError, SQLAlchemyError) as error:
            code = error.code if isinstance(error, DomainError) else type(error).__name__
            log.info("an app did not answer a request", code=code, handle=handle)
            if (
                not passing.answered
            ):  # half an answer is not finished: the server breaks it off, so that the browser knows
                await self._say(send, self._refusal(scope, error))

    def _refusal(self, scope: HTTPScope, error: Exception) -> Answer:
        """A refusal in words; one that asks who it is says how to say it (RFC 9110, 11.6.1)."""
        if not isinstance(error, DomainError):
            return Answer(503, b"Who may pass cannot be looked up right now. Try again in a moment.\n", LATER)
        if error.status >= 500:
            return wall(self._runtime, scope, "silent")
        return Answer(error.status, f"{error.message}\n".encode(), CHALLENGE if error.status == 401 else PLAIN)

    # -- who --------------------------------------------------------------------------------------------------------

    async def _http(self, scope: HTTPScope, receive: Receive, send: Send, handle: str) -> None:
        if not handle:
            await self._say(send, wall(self._runtime, scope, "stranger"))
            return
        if scope["path"].startswith(OWN):
            await self._say(send, await self._own(scope, handle))
            return
        caller = await caller_of(self._runtime, scope, handle)
        session = caller.session
        if not caller.is_program and not is_welcome(scope["method"], fetched(scope), origin_of(self._web, handle)):
            await self._say(send, Answer(403, b"This request did not come from a page of this app.\n"))
        elif session is None:
            await self._say(send, NO_TOKEN if caller.is_program else self._to_portal(scope, handle))
        else:
            ruling = await admission_of(self._runtime).ask(session)
            if ruling.verdict == "pass":
                request = self._request(scope, caller, ruling.app)
                await self._forward(request, receive, send, session, ruling.app)
            elif caller.is_program and ruling.verdict != "not_running":
                await self._say(send, NO_TOKEN)
            else:
                await self._say(send, self._closed(scope, handle, ruling.verdict, ruling.app))

    async def _own(self, scope: HTTPScope, handle: str) -> Answer:
        """Paths that no app gets: the way in, and the styles of our own pages."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        path = app_sign_in.safe_path(query.get("next", [""])[0])
        if scope["method"] == "GET" and scope["path"] == app_sign_in.START:
            return self._ask_portal(scope, handle, path)
        if scope["method"] == "GET" and scope["path"] == app_sign_in.ENTER:
            kept = cookie(scope, self._web.cookie(BROWSER_COOKIE))
            admitted = await app_sign_in.redeem(self._runtime, handle, query.get("code", [""])[0], kept)
            if admitted is not None:
                return self._welcome(*admitted, path)
            inside = await app_sign_in.session_of(self._runtime, handle, cookie(scope, self._web.cookie("app")))
            return wall(self._runtime, scope, "used_up") if inside is None else _see_other(path)
        return static_file(scope["path"].removeprefix(OWN)) or Answer(404, b"Nothing here.\n")

    def _welcome(self, token: str, seconds: int, path: str) -> Answer:
        return _see_other(path, self._set_cookie("app", token, seconds))

    def _set_cookie(self, name: str, value: str, seconds: int) -> bytes:
        secure = "; Secure" if self._web.secure else ""
        kept = f"{self._web.cookie(name)}={value}; Path=/; Max-Age={seconds}"
        return f"{kept}; HttpOnly; SameSite=Lax{secure}".encode()

    def _to_portal(self, scope: HTTPScope, handle: str) -> Answer:
        """A person is led through the portal and back; a program is told."""
        if scope["method"] not in ("GET", "HEAD") or _header(scope, b"sec-fetch-mode") not in (None, "navigate"):
            return Answer(401, b"Open this app from the portal first.\n", CHALLENGE)
        query = scope["query_string"].decode("latin-1")
        return self._ask_portal(scope, handle, scope["path"] + (f"?{query}" if query else ""))

    def _ask_portal(self, scope: HTTPScope, handle: str, path: str) -> Answer:
        """The browser gets, or keeps, its secret, and asks the portal for a code that is bound to it."""
        secret = app_sign_in.browser_secret(cookie(scope, self._web.cookie(BROWSER_COOKIE)))
        kept = self._set_cookie(BROWSER_COOKIE, secret, app_sign_in.BROWSER_SECONDS)
        target = app_sign_in.way_to_portal(self._runtime, handle, path, secret)
        return Answer(303, b"", ((b"set-cookie", kept), (b"location", target.encode())))

    def _closed(self, scope: HTTPScope, handle: str, verdict: Verdict, app: AppView) -> Answer:
        if verdict == "sign_in":
            return self._to_portal(scope, handle)
        return wall(self._runtime, scope, "stranger" if verdict == "stranger" else app.state, app)

    # -- what -------------------------------------------------------------------------------------------------------

    async def _forward(self, request: Request, receive: Receive, send: Send, session: AppSession, app: AppView) -> None:
        body = Body(receive, expected=request.length != 0)
        channel = await links_of(self._runtime).channel(app)
        async with admission_of(self._runtime).connection(session) as one:
            work = asyncio.ensure_future(self._exchange(channel, request, body, send))
            endings = [asyncio.ensure_future(body.gone()), asyncio.ensure_future(one.ended.wait())]
            try:
                await asyncio.wait([work, *endings], return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()
                elif one.ended.is_set():
                    raise AccessEnded()
            finally:
                for task in (work, *endings):
                    task.cancel()
                await asyncio.gather(work, *endings, return_exceptions=True)

    def _request(self, scope: HTTPScope, caller: Caller, app: AppView) -> Request:
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
            given,
            host=host_of(self._web, app.handle),
            scheme=self._web.scheme,
            instance=self._web.instance,
            spent=caller.spent,
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


def _see_other(path: str, set_cookie: bytes | None = None) -> Answer:
    location = (b"location", quote(path, safe="/?&=%#:;,+@!~*'().-_").encode())
    return Answer(303, b"", (location,) if set_cookie is None else ((b"set-cookie", set_cookie), location))


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
