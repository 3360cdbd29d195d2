"""What a domain hands to the composition roots. One `DOMAIN` per domain, listed in `app/registry.py`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from app.shared.authz import Permission
from app.shared.events.base import Envelope, Event
from app.shared.policy import PolicyKey
from app.shared.readcache import Invalidation

if TYPE_CHECKING:
    from litestar.types import ASGIApp, ControllerRouterHandler

    from app.shared.context import Context, Runtime

Queue = Literal["billing", "notifications", "webhooks", "maintenance"]
JobFunction = Callable[["Runtime", dict[str, object]], Awaitable[None]]
ConsumerFunction = Callable[["Context", Event, Envelope], Awaitable[None]]

SearchFunction = Callable[["Context", str], Awaitable[Sequence["Found"]]]


class JobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A background job. `run` opens its own Contexts; it may be called twice with the same arguments.
    `timeout` is in seconds; `retries` counts attempts after the first."""

    name: str
    run: JobFunction
    queue: Queue
    timeout: int
    retries: int


class CronSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A job that runs by itself every `every`, once in the whole fleet of workers. `bound` says what a run works on at
    most, or per transaction, and what it reads besides: a run of all that exists grows until it fails."""

    name: str
    bound: str
    run: JobFunction
    queue: Queue
    every: timedelta
    timeout: int
    retries: int


class ConsumerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A durable consumer. `handle` runs in the transaction that also records the event as processed: exactly once in
    effect. `ordered` drops events whose aggregate version is older than one already handled."""

    name: str
    events: tuple[type[Event], ...]
    handle: ConsumerFunction
    ordered: bool = True


class NavEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A navigation entry; shown only to those who hold the permission. `order` sorts them.

    console: portal and operator are the rails; settings are the tabs of `layouts/settings.html`; machine the tabs of a
    machine's page (`layouts/machine.html`), whose `href` holds `{id}`; an action is only in the palette.
    """

    label: str
    href: str
    icon: str
    permission: Permission
    console: Literal["portal", "operator", "settings", "machine", "action"] = "portal"
    phone: bool = False  # stays on the bottom bar of a phone
    order: int = 50
    jump: str = ""  # the letter that leads there after `g`


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Something that search found: a page, an action or a thing with a name."""

    label: str
    href: str
    icon: str
    kind: str  # Page | Action | Machine | …
    note: str = ""


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """One domain's manifest."""

    name: str
    pages: "Sequence[ControllerRouterHandler]" = ()  # for people: not in the description of the API
    api: "Sequence[ControllerRouterHandler]" = ()  # for programs: their paths go on from `/api/v1`
    routes: "Sequence[ControllerRouterHandler]" = ()  # neither: sockets, what standards and vendors call
    jobs: Sequence[JobSpec] = ()
    crons: Sequence[CronSpec] = ()
    consumers: Sequence[ConsumerSpec] = ()
    workflows: Sequence[type] = ()
    activities: Callable[["Runtime"], Sequence[Callable[..., object]]] | None = None
    policies: Sequence[PolicyKey[int] | PolicyKey[str] | PolicyKey[bool]] = ()
    invalidations: Sequence[Invalidation] = ()  # tags of read models that events change, beside `<domain>:<tenant>`
    navigation: Sequence[NavEntry] = ()
    search: SearchFunction | None = None  # things whose name or id holds the text, those that the actor may open
    host_app: "Callable[[Runtime], ASGIApp] | None" = None  # answers on the origins of apps, in place of the portal
