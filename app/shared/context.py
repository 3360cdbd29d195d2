"""The Context: first argument of every use case. It carries one unit of work, the actor, the instant and the trace.

Entrances (handlers, jobs, consumers, activities) open one with `Runtime.context(...)`; it commits when the block ends
well. `Runtime` is what one process holds: settings, database, Valkey, and the functions that the composition root
wires in, so that shared code never imports a domain.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar, cast
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from app.settings import Settings
from app.shared.audit import AuditAction, AuditRow, ChangeForgotten, Effect, append_audit_row
from app.shared.audit.changes import CHANGES, differing
from app.shared.authz.actor import Actor
from app.shared.clock import Clock, DatabaseClock
from app.shared.db import Database, UnitOfWork
from app.shared.events.base import Event
from app.shared.idempotency import IdempotencyKey
from app.shared.outbox import Outbox, WorkflowCall
from app.shared.policy.keys import PolicyKey, V
from app.shared.policy.store import PolicyStore
from app.shared.rdb import WAKE_CHANNEL
from app.shared.readcache import ReadCache, ReadModel, tags_of_event
from app.shared.readcache.invalidation import changes_tag
from app.shared.telemetry import spans
from app.shared.telemetry.trace import Trace, new_trace

if TYPE_CHECKING:
    from jinja2 import Environment


M = TypeVar("M")


class WebInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What rendering needs to know of the request."""

    path: str
    is_htmx: bool
    theme: str
    csrf_token: str
    csp_nonce: str = ""
    seen: str = ""  # the announcements that this browser has put away
    reads: bool = False  # a GET or HEAD: nothing changes, so read models may answer


class Context:
    """One entrance, one Context, one transaction."""

    def __init__(
        self,
        runtime: "Runtime",
        uow: UnitOfWork,
        actor: Actor,
        trace: Trace,
        idempotency: IdempotencyKey | None = None,
        web: WebInfo | None = None,
    ) -> None:
        self.runtime = runtime
        self.uow = uow
        self.actor = actor
        self.trace = trace
        self.idempotency = idempotency
        self.web = web
        self._details: dict[str, object] = {}  # of the next audit row
        self._about_tenant: UUID | None = None  # of the next audit row
        self.once_only: dict[str, str] = {}  # secrets for this answer alone; an idempotent replay does not have them
        self._now: datetime | None = None
        self._policies = PolicyStore(uow.session, self.read)
        self._outbox = runtime.outbox(uow.session, trace.correlation_id, trace.causation_id)
        self.invalid: set[str] = set()  # tags of read models that this transaction changes
        if web is not None and not web.reads:
            self.invalid.add(changes_tag(actor.tenant_id))

    @property
    def session(self) -> AsyncSession:
        """For repositories only."""
        return self.uow.session

    @property
    def settings(self) -> Settings:
        return self.runtime.settings

    async def now(self) -> datetime:
        """The instant of this Context, read once: everything it writes happened at the same moment."""
        if self._now is None:
            clock, session = self.runtime.clock, self.uow.session
            self._now = await (clock.about_now(session) if self.only_shows else clock.now(session))
        return self._now

    @property
    def only_shows(self) -> bool:
        """Whether this request changes nothing, so that seconds-old answers may do."""
        return self.web is not None and self.web.reads

    async def policy(self, key: PolicyKey[V], tenant_id: UUID | None = None, project_id: UUID | None = None) -> V:
        """The policy value in force at that scope."""
        return await self._policies.get(key, tenant_id, project_id)

    async def read(self, model: ReadModel[M], key: object, tags: Sequence[str], load: Callable[[], Awaitable[M]]) -> M:
        """The answer of a read model (`app/shared/readcache`). Only a request that changes nothing gets one that is
        kept; everybody else decides by rows, so their `load` always runs. `load` depends on `key` alone."""
        if not self.only_shows:
            return await load()
        return await self.runtime.part(ReadCache).read(model, key, tags, load)

    def invalidate(self, *tags: str) -> None:
        """After the commit, drop the answers that depend on `tags`. What an event says is dropped without this."""
        self.invalid.update(tags)

    async def prefetch_policies(self, tenant_ids: Collection[UUID]) -> None:
        """Read the policies of several tenants at once, before each is asked for."""
        await self._policies.prefetch(tenant_ids)

    async def emit(
        self, event: Event, *, version: int, tenant_id: UUID | None = None, project_id: UUID | None = None
    ) -> None:
        """Tell the other domains, once this transaction has committed. `version` is the aggregate's new version."""
        self._change()
        self.invalid |= tags_of_event(event, tenant_id)
        await self._outbox.event(event, version=version, tenant_id=tenant_id, project_id=project_id)

    async def enqueue(
        self, job: str, arguments: msgspec.Struct, *, aggregate_id: UUID, due_at: datetime | None = None
    ) -> None:
        """Ask for a background job (its registered name) after the commit."""
        self._change()
        await self._outbox.job(job, arguments, aggregate_id=aggregate_id, due_at=due_at)

    async def call_workflow(self, call: WorkflowCall, *, aggregate_id: UUID) -> UUID:
        """Ask for a Temporal call after the commit. Returns the outbox row's id."""
        self._change()
        return await self._outbox.workflow(call, aggregate_id=aggregate_id)

    def _change(self) -> None:
        """Something follows from this transaction. Raises KeyForgotten when a repeat would do it again."""
        if self.idempotency is not None:
            self.idempotency.check_claimed()
        self.uow.wakes_relay = True

    def explain(self, **details: object) -> None:
        """Add facts (ids, amounts, a stated reason) to the audit row that this use case is about to leave."""
        self._details.update(details)

    def about(self, tenant_id: UUID | None) -> None:
        """Say whose affair the audit row is that this use case is about to leave: an operator has no organisation of
        their own, and the one that they act on may read what was done."""
        self._about_tenant = tenant_id

    def changed(self, **fields: tuple[object, object]) -> None:
        """Say what this use case changed, as `field=(old, new)`: ids, amounts, states, roles, names of our own things;
        anything else `withheld`. What is the same is left out; nothing at all says that nothing was changed."""
        self._details[CHANGES] = cast(dict[str, object], self._details.get(CHANGES, {})) | differing(fields)

    async def audit(
        self,
        action: AuditAction,
        target: UUID | str | None,
        details: dict[str, object] | None = None,
        *,
        kind: str | None = None,
        by: Actor | None = None,
    ) -> None:
        """Record an allowed change in this transaction. `kind` is the target's, where it is not the action's usual one;
        `by`: who became known by it (a sign-in). Raises ChangeForgotten."""
        if self.idempotency is not None:
            self.idempotency.check_claimed()
        found = self._details | (details or {})
        if action.effect is Effect.CHANGES and CHANGES not in found:
            raise ChangeForgotten(f"{action} does not say what it changed")
        if kind is not None and kind not in action.kinds:
            raise ValueError(f"{action} is about {action.kind}, not about {kind}")
        await append_audit_row(
            self.uow.session,
            AuditRow(
                actor=by or self.actor,
                action=action,
                target_kind=kind or action.kind,
                target_id=str(target or "-"),
                result="allowed",
                occurred_at=await self.now(),
                correlation_id=self.trace.correlation_id,
                details=found,
                about_tenant=self._about_tenant,
            ),
        )
        self._details, self._about_tenant = {}, None


class ProcessPart(Protocol):
    """Something that lives as long as the process: a hub of sockets, a pool of clients."""

    def __init__(self, runtime: "Runtime") -> None: ...

    async def aclose(self) -> None: ...


ContextFactory = Callable[[], AbstractAsyncContextManager[Context]]  # one after the other, never nested
P = TypeVar("P", bound=ProcessPart)
ShellBuilder = Callable[[Context], Awaitable[object]]
Authenticate = Callable[["Runtime", str | None, str | None], Awaitable[Actor]]


@dataclass
class Runtime:
    """What one process holds. Made by the composition root, closed by it."""

    settings: Settings
    database: Database
    valkey: "Redis"
    templates: "Environment | None" = None
    clock: Clock = field(default_factory=DatabaseClock)
    outbox: type[Outbox] = Outbox  # what writes down that others must hear of a change
    authenticate: Authenticate | None = None  # (runtime, session cookie, bearer token) -> Actor
    build_shell: ShellBuilder | None = None
    silent: tuple[str, ...] = ()  # settings of services that could not be asked yet (app/shared/service_checks.py)
    draining: bool = False  # this process has been told to end and still answers: no new traffic, please
    _parts: "dict[type, ProcessPart]" = field(default_factory=dict)

    @asynccontextmanager
    async def context(
        self,
        actor: Actor,
        trace: Trace | None = None,
        *,
        idempotency: IdempotencyKey | None = None,
        web: WebInfo | None = None,
        writable: bool = False,
        read_only: bool = False,
    ) -> AsyncIterator[Context]:
        """Open a Context; it commits at the end of the block, or rolls back when the block raises. For an actor who
        views as a customer the database refuses every change, unless the route is meant for them (`writable`); with
        `read_only` it refuses everybody's."""
        looks_only = read_only or (actor.viewing is not None and not writable)
        unit = self.database.unit_of_work(self._wake_relay, read_only=looks_only)
        trace = trace or new_trace()
        with spans.span("transaction", trace=trace):
            async with unit as uow:
                ctx = Context(self, uow, actor, trace, idempotency, web)
                yield ctx
        await self.part(ReadCache).invalidate(ctx.invalid)

    async def _wake_relay(self) -> None:
        """A hint only: the relay polls every 250 ms behind it, so losing one is harmless."""
        with suppress(RedisError, OSError):
            await self.valkey.publish(WAKE_CHANNEL, b"1")

    def part(self, kind: "type[P]") -> "P":
        """The process's one `kind`, made on first use as `kind(runtime)` and closed with the process."""
        if kind not in self._parts:
            self._parts[kind] = kind(self)
        part = self._parts[kind]
        if not isinstance(part, kind):
            raise TypeError(f"{kind.__name__} is held under another type")
        return part

    async def close_parts(self) -> None:
        """Close the parts, the newest first; whoever asks for one again gets a new one."""
        while self._parts:
            parts, self._parts = list(self._parts.values()), {}
            async with AsyncExitStack() as closing:  # one that fails to close keeps no other open
                for part in parts:
                    closing.push_async_callback(part.aclose)

    async def close(self) -> None:
        """Close what was opened, in reverse order."""
        async with AsyncExitStack() as closing:
            closing.push_async_callback(asyncio.to_thread, spans.close)
            closing.push_async_callback(self.valkey.aclose)
            closing.push_async_callback(self.database.close)
            closing.push_async_callback(self.close_parts)
