"""Who may pass the proxy, rechecked every two seconds, and at once after an event that may change the answer.

A browser passes while the portal's session it came from lives, the person is a member who may open the app and still
has a role in its project, the organisation is open, and the app runs. Open connections that lost their right are ended:
a revocation takes five seconds at most, also when the message is lost.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from typing import Literal
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.domains.appruntime.contracts import AppSession, AppView
from app.domains.appruntime.repository import AppRepository, MemberRepository
from app.domains.auth import public as auth
from app.shared.authz import Permission
from app.shared.authz.actor import SYSTEM
from app.shared.authz.rights import Claim, Ended
from app.shared.context import Context, Runtime

WATCH_SECONDS = 2.0
FRESH_SECONDS = 2.0
END_CHANNEL = "apps:end"
Verdict = Literal["pass", "sign_in", "stranger", "not_running"]

log = structlog.get_logger("berth.apps")


class EndNotice(msgspec.Struct, frozen=True, kw_only=True):
    """What `apps:end` carries: whose right to be connected may have ended."""

    app_id: UUID | None = None
    session_id: UUID | None = None


class Ruling(msgspec.Struct, frozen=True):
    """A verdict, the app it is about, and when it was given."""

    verdict: Verdict
    app: AppView
    at: float


class Pass:
    """One open connection. `ended` is set when it has to close, with why."""

    def __init__(self, session: AppSession) -> None:
        self.session = session
        self.verdict: Verdict = "pass"
        self.ended = asyncio.Event()

    def end(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.ended.set()


class Admission:
    """One per web process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._rulings: dict[AppSession, Ruling] = {}
        self._open: set[Pass] = set()
        self._watcher: list[asyncio.Task[None]] = []

    async def ask(self, session: AppSession) -> Ruling:
        """May this browser pass? Raises NotFound when the app never was."""
        found = self._rulings.get(session)
        if found is None or time.monotonic() - found.at > FRESH_SECONDS:
            await self._judge([session])
            found = self._rulings[session]
        return found

    def count(self, app_id: UUID) -> int:
        """How many connections of an app are open here."""
        return sum(one.session.app_id == app_id for one in self._open)

    @contextlib.asynccontextmanager
    async def connection(self, session: AppSession) -> AsyncIterator[Pass]:
        """Watch over one connection while it is open."""
        if not self._watcher:
            self._watcher = [asyncio.create_task(self._watch()), asyncio.create_task(self._listen())]
        one = Pass(session)
        self._open.add(one)
        try:
            yield one
        finally:
            self._open.discard(one)

    async def apply(self, notice: EndNotice) -> None:
        """Recheck the sessions named by the notice."""
        for session in list(self._rulings):
            if notice.app_id == session.app_id or notice.session_id == session.session_id:
                del self._rulings[session]
        touched = {
            one.session
            for one in self._open
            if notice.app_id == one.session.app_id or notice.session_id == one.session.session_id
        }
        await self._enforce(touched)

    async def aclose(self) -> None:
        for task in self._watcher:
            task.cancel()
        for one in list(self._open):
            one.end("not_running")
        await asyncio.gather(*self._watcher, return_exceptions=True)

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _judge(self, sessions: Iterable[AppSession]) -> None:
        asked = list(sessions)
        async with self._runtime.context(SYSTEM) as ctx:
            for session in asked:
                verdict, app = await _verdict(ctx, session)
                self._rulings[session] = Ruling(verdict, app, time.monotonic())
        if len(self._rulings) > 10_000:
            self._rulings.clear()

    async def _enforce(self, sessions: set[AppSession]) -> None:
        if not sessions:
            return
        await self._judge(sessions)
        for one in list(self._open):
            ruling = self._rulings.get(one.session)
            if ruling is not None and ruling.verdict != "pass":
                one.end(ruling.verdict)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._enforce({one.session for one in self._open})
            except (SQLAlchemyError, OSError) as error:
                log.warning("whether apps may stay open could not be asked", error=type(error).__name__)

    async def _listen(self) -> None:
        """React to notices at once; the periodic check covers lost ones."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self._runtime.valkey.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(END_CHANNEL)
                    while True:
                        message = await channel.get_message(timeout=1.0)
                        if message is not None:
                            await self._hear(message["data"])
            await asyncio.sleep(1)

    async def _hear(self, data: bytes) -> None:
        try:
            await self.apply(msgspec.json.decode(data, type=EndNotice))
        except msgspec.MsgspecError:
            log.warning("a notice on the apps' channel could not be read")
        except (SQLAlchemyError, OSError) as error:
            log.warning("whether apps may stay open could not be asked", error=type(error).__name__)


async def _verdict(ctx: Context, session: AppSession) -> tuple[Verdict, AppView]:
    app = await AppRepository(ctx.session).get(session.app_id)
    ended = await right_ended(ctx, app, session.user_id, session.session_id)
    if ended is not None:
        return ("sign_in" if ended.code == "signed_out" else "stranger"), app
    return ("pass" if app.state == "running" else "not_running"), app


async def right_ended(ctx: Context, app: AppView, user_id: UUID, session_id: UUID) -> Ended | None:
    """Why this person may not open the app; None when they may: it is one of its people, with a role in its project, in
    an organisation that is open, by a sign-in that lives."""
    claim = Claim(
        principal_id=user_id,
        permission=Permission.APP_OPEN,
        tenant_id=app.tenant_id,
        project_id=app.project_id,
        session_id=session_id,
    )
    ended = (await auth.rights_ended(ctx, [claim])).get(claim)
    if ended is None and await MemberRepository(ctx.session).role(app.id, user_id) not in ("owner", "user"):
        return Ended("no_role")
    return ended


def admission_of(runtime: Runtime) -> Admission:
    """This process's admission."""
    return runtime.part(Admission)
