"""The connections of one process to machines with apps, and to the apps themselves. Kept while they are used."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from app.domains.appruntime import gateway
from app.domains.appruntime.contracts import AppView
from app.domains.appruntime.errors import MachineSilent
from app.domains.appruntime.policies import MAX_CONNECTIONS
from app.domains.appruntime.rules.manifests import Seat, socket_path
from app.domains.appruntime.service.addresses import host_of, origin_of
from app.domains.provisioning import public as provisioning
from app.domains.releases import public as releases
from app.domains.releases.contracts import CertifyUser
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime

T = TypeVar("T")
IDLE_SECONDS = 300.0


class AppLinks:
    """One per process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._links: dict[UUID, gateway.Link] = {}
        self._used: dict[UUID, float] = {}
        self._homes: dict[UUID, str] = {}
        self._channels: dict[UUID, tuple[str, gateway.AppChannel]] = {}
        self._turns: dict[UUID, asyncio.Lock] = {}

    async def machine(self, allocation_id: UUID) -> gateway.AppMachine:
        """The machine of an allocation, logged in as its login. Raises NotFound, NotActive, MachineSilent or
        MachineRefused."""
        return gateway.AppMachine(await self.link(allocation_id))

    async def on_machine(self, allocation_id: UUID, work: Callable[[gateway.AppMachine], Awaitable[T]]) -> T:
        """Do something there; once more on a new connection when the one that was kept has died unnoticed."""
        kept = allocation_id in self._links
        try:
            return await work(await self.machine(allocation_id))
        except MachineSilent:
            self._drop(allocation_id)
            if not kept:
                raise
        return await work(await self.machine(allocation_id))

    async def link(self, allocation_id: UUID) -> gateway.Link:
        """The connection that is kept, or a new one."""
        turn = self._turns.setdefault(allocation_id, asyncio.Lock())
        async with turn:
            link = self._links.get(allocation_id)
            if link is None or not link.is_open:
                self._drop(allocation_id)
                link = self._links[allocation_id] = await self._connect(allocation_id)
            self._used[allocation_id] = time.monotonic()
        self._sweep()
        return link

    async def home(self, allocation_id: UUID) -> str:
        """The login's home on the machine."""
        if allocation_id not in self._homes:
            self._homes[allocation_id] = await self.on_machine(allocation_id, lambda machine: machine.home())
        return self._homes[allocation_id]

    async def seat(self, app: AppView) -> Seat:
        """Where an app sits."""
        web = self._runtime.settings.web
        return Seat(
            home=await self.home(app.allocation_id),
            handle=app.handle,
            host=host_of(web, app.handle).partition(":")[0],
            origin=origin_of(web, app.handle),
            name=app.name,
        )

    async def channel(self, app: AppView) -> gateway.AppChannel:
        """HTTP to an app."""
        path = socket_path(await self.seat(app))
        found = self._channels.get(app.id)
        if found is None or found[0] != path:
            async with self._runtime.context(SYSTEM) as ctx:
                limit = await ctx.policy(MAX_CONNECTIONS, app.tenant_id, app.project_id)
            allocation_id = app.allocation_id

            async def open_stream() -> gateway.Stream:
                return await self._open(allocation_id, path)

            self._channels[app.id] = (path, gateway.AppChannel(open_stream, limit))
        return self._channels[app.id][1]

    async def _open(self, allocation_id: UUID, path: str) -> gateway.Stream:
        """A stream to a socket there; once more when the connection that was kept turns out to be dead: nothing has
        been asked over it yet."""
        link = await self.link(allocation_id)
        try:
            return await link.open(path)
        except MachineSilent:
            if link.is_open:
                raise
        return await (await self.link(allocation_id)).open(path)

    async def aclose(self) -> None:
        self._channels.clear()
        for allocation_id in list(self._links):
            self._drop(allocation_id)

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _connect(self, allocation_id: UUID) -> gateway.Link:
        async with self._runtime.context(SYSTEM) as ctx:
            machine = await provisioning.get_app_target(ctx, allocation_id)
            target = await releases.login_target(ctx, CertifyUser(machine=machine, purpose="app"))
        return await gateway.connect(target)

    def _drop(self, allocation_id: UUID) -> None:
        link = self._links.pop(allocation_id, None)
        if link is not None:
            link.close()

    def _sweep(self) -> None:
        """Close what nobody has asked for in a while; streams that are open ask again for the connection they need."""
        old = time.monotonic() - IDLE_SECONDS
        for allocation_id, used in list(self._used.items()):
            if used < old and not self._is_busy(allocation_id):
                self._used.pop(allocation_id)
                self._drop(allocation_id)

    def _is_busy(self, allocation_id: UUID) -> bool:
        link = self._links.get(allocation_id)
        return link is not None and link.is_busy


async def manager_of(runtime: Runtime, allocation_id: UUID) -> tuple[gateway.Link, str]:
    """A connection as the machine's management, and the login of the allocation. The caller closes it."""
    async with runtime.context(SYSTEM) as ctx:
        machine, now = await provisioning.get_app_target(ctx, allocation_id), await ctx.now()
    return await gateway.connect(releases.management_target(runtime.settings, machine, now)), machine.login


def links_of(runtime: Runtime) -> AppLinks:
    """This process's connections."""
    return runtime.part(AppLinks)
