"""People, machines and apps of these tests: what a workflow does, step by step, and a browser on an app's origin."""

import asyncio
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
from websockets.asyncio.client import ClientConnection, connect

from app.domains.appruntime.contracts import Action, ActOnApp, AppView, Drive, LaunchApp, Launched
from app.domains.appruntime.errors import AppFailed
from app.domains.appruntime.repository import AppRepository
from app.domains.appruntime.service import actions
from app.domains.appruntime.service.drive import Driver
from app.domains.appruntime.service.launch import launch
from app.domains.appruntime.service.links import links_of
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from tests.domains.terminal.world import Machine, Visitor


class Desk:
    """One person's apps on one machine, driven by hand as the workflow drives them."""

    def __init__(self, runtime: Runtime, owner: Visitor, machine: Machine) -> None:
        self.runtime = runtime
        self.owner = owner
        self.machine = machine
        self.driver = Driver(runtime)
        self.links = links_of(runtime)

    async def launch(self, slug: str = "echo", name: str = "") -> Launched:
        async with self.runtime.context(self.owner.actor) as ctx:
            return await launch(ctx, LaunchApp(slug=slug, allocation_id=self.machine.id, name=name))

    async def act(self, app_id: UUID, action: Action) -> str:
        async with self.runtime.context(self.owner.actor) as ctx:
            return (await actions.act(ctx, ActOnApp(app_id=app_id, action=action))).state

    async def get(self, app_id: UUID) -> AppView:
        async with self.runtime.context(SYSTEM) as ctx:
            return await AppRepository(ctx.session).get(app_id)

    async def up(self, app_id: UUID, seconds: int = 60) -> AppView:
        """What the workflow does for a start."""
        drive = await self.drive(app_id, "start", seconds)
        await self.driver.prepare(drive)
        await self.driver.start(drive)
        try:
            await self.driver.follow(drive)
        except AppFailed as error:
            await self.driver.fail(Drive(drive.app_id, "start", drive.run, "test", seconds, str(error)))
        return await self.get(app_id)

    async def down(self, app_id: UUID) -> AppView:
        """What the workflow does for a stop."""
        await self.driver.stop(await self.drive(app_id, "stop"))
        return await self.get(app_id)

    async def drive(self, app_id: UUID, verb: str, seconds: int = 60) -> Drive:
        return Drive(str(app_id), verb, (await self.get(app_id)).run, "test", seconds)

    async def running(self, slug: str = "echo", name: str = "") -> AppView:
        """An app that runs."""
        launched = await self.launch(slug, name)
        app = await self.up(launched.app_id)
        assert app.state == "running", app.failure_text
        return app


class Tab:
    """A browser tab on the origin of one app; names below localhost all lead to this computer."""

    def __init__(self, runtime: Runtime, app: AppView) -> None:
        web = runtime.settings.web
        self.origin = web.apps_url.replace("*", app.handle)
        self.host = urlsplit(self.origin).netloc
        self.base = f"http://127.0.0.1:{urlsplit(self.origin).port}"
        self.cookie_name = web.cookie("app")
        self.browser_name = web.cookie("app-browser")
        self.cookie = self.browser = ""
        self.client = httpx.AsyncClient(base_url=self.base, trust_env=False, timeout=10)
        self.sockets: list[ClientConnection] = []

    def headers(self, **more: str) -> dict[str, str]:
        kept = "; ".join(part for part in (self.cookie, self.browser) if part)
        cookie = {"cookie": kept} if kept else {}
        return {"host": self.host, **cookie, **{name.replace("_", "-"): value for name, value in more.items()}}

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=self.headers(**headers))

    async def enter(self, visitor: Visitor, app_id: UUID) -> httpx.Response:
        """Through the portal, as a click on “Open” does it; the answer of the entrance."""
        return await self.follow(await self.way_in(visitor, app_id))

    async def way_in(self, visitor: Visitor, app_id: UUID) -> str:
        """The address with a code, as far as this browser is led by a click on “Open”."""
        sent = await visitor.client.get(f"/apps/{app_id}/open")
        assert sent.status_code == 303, sent.text[:500]
        return await self.through_portal(visitor, (await self.follow(sent.headers["location"])).headers["location"])

    async def through_portal(self, visitor: Visitor, location: str) -> str:
        """Where the portal sends a browser that an app's origin sent there."""
        portal = urlsplit(location)
        assert f"{portal.scheme}://{portal.netloc}" == visitor.url
        back = await visitor.client.get(f"{portal.path}?{portal.query}")
        assert back.status_code == 303, back.text[:500]
        return str(back.headers["location"])

    async def follow(self, location: str) -> httpx.Response:
        """Follow the portal to the app's origin, and keep its cookies."""
        parts = urlsplit(location)
        return self.keep(await self.get(f"{parts.path}?{parts.query}"))

    def keep(self, answer: httpx.Response) -> httpx.Response:
        """Keep our cookies of an answer."""
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if name == self.cookie_name:
                self.cookie = f"{name}={value}"
            elif name == self.browser_name:
                self.browser = f"{name}={value}"
        return answer

    async def socket(self, path: str = "/ws", origin: str | None = None, **headers: str) -> ClientConnection:
        port = urlsplit(self.origin).port
        socket = await connect(
            f"ws://{self.host}{path}",
            host="127.0.0.1",
            port=port,
            origin=self.origin if origin is None else origin,  # type: ignore[arg-type]
            subprotocols=["other.v1", "echo.v1"],  # type: ignore[list-item]
            additional_headers={"cookie": self.cookie, **headers},
            compression=None,
            proxy=None,
            ping_interval=None,
            max_size=None,
        )
        self.sockets.append(socket)
        return socket

    async def close(self) -> None:
        for socket in self.sockets:
            socket.transport.abort()
        await self.client.aclose()


def code_in(location: str) -> str:
    return parse_qs(urlsplit(location).query)["code"][0]


async def eventually(condition, seconds: float = 10) -> None:  # type: ignore[no-untyped-def]
    """Wait for what happens in another process."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.05)
