"""Live connections of one web process: one Valkey subscription, one frame for all pages that hear of it.

A page that does not read is dropped and reconnects by itself. One timer pings all, a few at a time. Rights are checked
every two seconds: a page whose session ended is closed within five, and one whose session switched its organisation
reconnects to that one.
"""

import asyncio
import time
from collections import defaultdict, deque
from uuid import UUID

import structlog

from app.domains.auth import public as auth
from app.domains.notification.rules import channel
from app.domains.notification.rules.topics import personal_channel
from app.shared.authz import Permission
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import Claim
from app.shared.context import Runtime
from app.shared.push import Push, text_frame

log = structlog.get_logger("berth.live")
CHECK_SECONDS = 2
PING_SECONDS = 20  # each page is asked as often whether it is there; the second time in vain it is gone
SESSION_ENDED, TRY_AGAIN = 4401, 1013
RECENT_SECONDS = 5.0  # between the drawing of a page and its socket


class LiveConnection:
    """One open page, whose rights are asked for again; `push` is its socket once the hub has it."""

    __slots__ = ("channels", "claim", "project_id", "push", "session_id", "tenant_id", "user_id", "viewing")

    def __init__(
        self,
        tenant_id: UUID | None,
        session_id: UUID,
        user_id: UUID | None = None,
        *,
        project_id: UUID | None = None,
        viewing: UUID | None = None,
    ) -> None:
        self.tenant_id = tenant_id
        self.user_id = user_id
        self.project_id = project_id
        self.viewing = viewing
        self.session_id = session_id
        everybody = (channel(None), channel(tenant_id)) if tenant_id else (channel(None),)
        self.channels = (*everybody, personal_channel(user_id)) if user_id else everybody
        self.push: Push | None = None
        self.claim = self._claim()

    def _claim(self) -> Claim | None:
        """The right to receive the organisation's topics; None outside any organisation."""
        if self.tenant_id is None or self.user_id is None:
            return None
        return Claim(
            principal_id=self.user_id,
            permission=Permission.TEAM_READ,
            tenant_id=self.tenant_id,
            project_id=self.project_id,
            session_id=self.session_id,
            viewing=self.viewing,
        )

    def send(self, frame: bytes) -> None:
        """Give a frame; a page that has not read those before is dropped."""
        if self.push is not None and not self.push.send(frame):
            self.drop()

    def drop(self) -> None:
        """Make the page reconnect and refetch."""
        self._close(TRY_AGAIN, "reconnect and refetch")

    def end(self) -> None:
        """Its session is over."""
        self._close(SESSION_ENDED, "signed out")

    def _close(self, code: int, reason: str) -> None:
        if self.push is not None:
            self.push.close(code, reason)


class LiveHub:
    """Made once per process by `runtime.part(LiveHub)`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pages: dict[str, set[LiveConnection]] = defaultdict(set)
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._recent: deque[tuple[float, str, bytes]] = deque(maxlen=1_000)
        self._turns: list[set[LiveConnection]] = [set() for _ in range(PING_SECONDS)]
        self._joined = 0

    def join(self, page: LiveConnection, push: Push) -> None:
        """Start sending to `page`, including what was published while it connected."""
        if not self._tasks:
            work = (self._listen, self._check_sessions, self._ping)
            self._tasks = [asyncio.create_task(one()) for one in work]
        page.push = push
        self._turns[self._joined % PING_SECONDS].add(page)
        self._joined += 1
        for name in page.channels:
            self._pages[name].add(page)
        since = time.monotonic() - RECENT_SECONDS
        for at, name, frame in self._recent:
            if at >= since and name in page.channels:
                page.send(frame)

    def leave(self, page: LiveConnection) -> None:
        """Stop sending to `page`."""
        page.push = None
        for pages in self._turns:
            pages.discard(page)
        for name in page.channels:
            self._pages[name].discard(page)
            if not self._pages[name]:
                del self._pages[name]

    async def aclose(self) -> None:
        """End both tasks. A client library may turn a cancellation into a time-out of its own, so the tasks are
        cancelled until they have ended; the loops check `_closing` as well."""
        self._closing = True
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.5)

    async def _listen(self) -> None:
        while not self._closing:
            try:
                async with self._runtime.valkey.pubsub() as subscription:
                    await subscription.psubscribe("berth:live:*")
                    async for message in subscription.listen():
                        if message["type"] == "pmessage":
                            self._fan_out(message["channel"].decode(), message["data"])
            except Exception as error:
                log.warning("live subscription lost", error=type(error).__name__)
                await asyncio.sleep(0.5)
                self._refresh_all()

    def _fan_out(self, name: str, message: bytes) -> None:
        frame = text_frame(message)
        self._recent.append((time.monotonic(), name, frame))
        for page in tuple(self._pages.get(name, ())):
            page.send(frame)

    def _refresh_all(self) -> None:
        """Messages may have been missed: make every page reconnect and refetch."""
        for page in self._all():
            page.drop()

    def _all(self) -> set[LiveConnection]:
        return set().union(*self._turns)

    async def _ping(self) -> None:
        turn = 0
        while not self._closing:
            await asyncio.sleep(1)
            turn = (turn + 1) % PING_SECONDS
            for page in tuple(self._turns[turn]):
                if page.push is not None and not page.push.ping():
                    page.drop()

    async def _check_sessions(self) -> None:
        while not self._closing:
            await asyncio.sleep(CHECK_SECONDS)
            pages = self._all()
            if not pages:
                continue
            try:
                await self.check(pages)
            except Exception as error:
                log.warning("sessions could not be checked", error=type(error).__name__)

    async def check(self, pages: set[LiveConnection]) -> None:
        """Close the pages of ended sessions and views. Pages of an organisation that the session has left reconnect to
        its current one."""
        claims = {page.claim for page in pages if page.claim is not None}
        async with self._runtime.context(SYSTEM) as ctx:
            tenants = await auth.session_tenants(ctx, {page.session_id for page in pages})
            ended = await auth.rights_ended(ctx, claims)
        for page in pages:
            if page.session_id not in tenants:
                page.end()
            elif (ended and page.claim in ended) or (
                page.viewing is None and tenants[page.session_id] != page.tenant_id
            ):
                page.drop()
