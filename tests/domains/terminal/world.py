"""People and machines of the terminal's tests: a visitor's requests, a tab's socket, a machine's rows."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
import msgspec
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.domains.provisioning.contracts import AllocationId
from app.domains.provisioning.repository import AllocationRepository, MachineRepository
from app.domains.provisioning.repository.allocations import NewAllocation
from app.domains.terminal.contracts import PROTOCOL
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.ids import ProjectId, TenantId, UserId, new_id
from devstack.simulators.nodes.testing import HOSTNAME, SYSTEM_ID, Bench
from tests.fixtures.app import Browser


class Tab:
    """A socket that shows a shell, as the page's script speaks it. `seen` is every byte once, from `first` on."""

    def __init__(self, socket: ClientConnection, held: int | None) -> None:
        self.socket = socket
        self.terminal_id: UUID | None = None
        self.first = 0
        self.offset = held or 0
        self.gap = 0
        self.seen = bytearray()
        self.ended: dict[str, object] | None = None
        self.controls: list[dict[str, object]] = []
        self.acks = True

    async def say(self, **frame: object) -> None:
        await self.socket.send(msgspec.json.encode(frame).decode())

    async def type(self, keys: str) -> None:
        await self.socket.send(keys.encode())

    def cut(self) -> None:
        """The network is gone: no close, no farewell."""
        self.socket.transport.abort()

    async def step(self) -> None:
        """One frame from the server. Raises ConnectionClosed."""
        frame = await self.socket.recv()
        if isinstance(frame, bytes):
            self.seen += frame
            self.offset += len(frame)
            if self.acks:
                with suppress(ConnectionClosed):  # the last words may still be on their way to us
                    await self.say(type="ack", offset=self.offset)
            return
        control = msgspec.json.decode(frame)
        self.controls.append(control)
        if control["type"] == "attached":
            self.terminal_id = UUID(control["terminal_id"])
            self.offset, self.gap = control["offset"], control["gap"]
            if not self.seen:
                self.first = self.offset
        elif control["type"] == "ended":
            self.ended = control
        elif control["type"] == "ping":
            await self.say(type="pong")

    async def until(self, text: str, seconds: float = 10) -> float:
        """Read until the output holds `text`; the seconds that it took."""
        began = time.monotonic()
        async with asyncio.timeout(seconds):
            while text.encode() not in self.seen:
                await self.step()
        return time.monotonic() - began

    async def until_ended(self, seconds: float = 10) -> dict[str, object]:
        """Read until the last words."""
        async with asyncio.timeout(seconds):
            while self.ended is None:
                await self.step()
        return self.ended

    async def until_closed(self, seconds: float = 10) -> int:
        """Read until the socket is closed; its code."""
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self.step()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006

    async def run(self, command: str, seconds: float = 10) -> str:
        """Type a command; what it printed."""
        mark = uuid4().hex
        begin, end = f"<{mark}", f"{mark}>"
        await self.type(f"echo '<'{mark}; {command}; echo {mark}'>'\n")
        await self.until(end, seconds)
        return self.seen.decode(errors="replace").rpartition(begin)[2].partition(end)[0]


class Visitor:
    """A signed-in person with a client on the real server."""

    def __init__(self, runtime: Runtime, browser: Browser) -> None:
        self.runtime = runtime
        self.actor, self.csrf = browser.actor, browser.csrf
        self.url = runtime.settings.web.public_url
        name = runtime.settings.web.cookie("session")
        self.cookie = f"{name}={browser.client.cookies[name]}"
        self.client = httpx.AsyncClient(base_url=self.url, headers={"cookie": self.cookie}, trust_env=False)
        self.sockets: list[ClientConnection] = []

    async def ask_token(self, allocation_id: UUID, terminal_id: UUID | None = None) -> httpx.Response:
        headers = {"sec-fetch-site": "same-origin", "x-csrftoken": self.csrf, "accept": "application/json"}
        body = {"terminal_id": str(terminal_id) if terminal_id else None}
        return await self.client.post(f"/machines/{allocation_id}/terminal/token", json=body, headers=headers)

    async def token(self, allocation_id: UUID, terminal_id: UUID | None = None) -> str:
        answer = await self.ask_token(allocation_id, terminal_id)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def dial(self, token: str, origin: str | None = "", cookie: str = "") -> ClientConnection:
        """The handshake alone. Raises websockets' InvalidStatus when it is refused."""
        socket = await connect(
            self.url.replace("http", "ws", 1) + "/terminal",
            subprotocols=[PROTOCOL, token],  # type: ignore[list-item]
            origin=(self.url if origin == "" else origin),  # type: ignore[arg-type]
            additional_headers={"cookie": cookie or self.cookie},
            max_size=None,
            max_queue=4,
            compression=None,
            proxy=None,
            ping_interval=None,
        )
        self.sockets.append(socket)
        return socket

    async def tab(
        self,
        allocation_id: UUID,
        terminal_id: UUID | None = None,
        held: int | None = None,
        size: tuple[int, int] = (80, 24),
    ) -> Tab:
        """A tab that is attached."""
        tab = Tab(await self.dial(await self.token(allocation_id, terminal_id)), held)
        await tab.say(type="attach", cols=size[0], rows=size[1], offset=held)
        async with asyncio.timeout(15):
            while tab.terminal_id is None and tab.ended is None:
                await tab.step()
        return tab

    async def sign_out(self) -> None:
        form = {"_csrf_token": self.csrf}
        answer = await self.client.post("/logout", data=form, headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 303

    async def close(self) -> None:
        for socket in self.sockets:
            socket.transport.abort()
        await self.client.aclose()


@dataclass
class Machine:
    """An active allocation and the simulated machine behind it."""

    runtime: Runtime
    bench: Bench
    id: UUID
    system_id: str

    async def set_state(self, state: str, reason: str = "customer") -> None:
        """As provisioning leaves it when a release was accepted."""
        async with self.runtime.context(SYSTEM) as ctx:
            statement = "UPDATE provisioning.allocations SET state = :state, release_reason = :reason WHERE id = :id"
            await ctx.session.execute(text(statement), {"state": state, "reason": reason, "id": self.id})

    def remove(self) -> None:
        self.bench.http("DELETE", f"/machines/{self.system_id}")


async def stock_machine(runtime: Runtime, bench: Bench, owner: Visitor) -> Machine:
    """Deploy a machine on the bench and write the rows that provisioning would have written."""
    allocation_id = AllocationId(new_id())
    system_id = f"n{allocation_id.hex[-8:]}"
    data = bench.user_data().replace("alloc:a1:", f"alloc:{allocation_id}:").replace(SYSTEM_ID, system_id)
    bench.put(system_id, user_data=data)
    actor = owner.actor
    assert actor.id and actor.tenant_id and actor.project_id
    async with runtime.context(SYSTEM) as ctx:
        now = await ctx.now()
        new = NewAllocation(
            id=allocation_id, tenant_id=TenantId(actor.tenant_id), project_id=ProjectId(actor.project_id),
            user_id=UserId(actor.id), name="train-07", sku_id=uuid4(), sku_code="l40sx4", gpus=4,
            slots=None, image_code="ubuntu", currency="USD", rate_micro=4_960_000, price_version_id=uuid4(),
            hold_micro=0, login="ada", uid=20_001, gecos="Ada", correlation_id="test",
        )  # fmt: skip
        allocations, machines = AllocationRepository(ctx.session), MachineRepository(ctx.session)
        allocation = await allocations.append(new, now)
        deployment = await machines.open_deployment(allocation, uuid4(), system_id, HOSTNAME, now)
        await machines.set_address(deployment.id, bench.address)
        await allocations.change(allocation, now, state="active", attempt=1, deployment_id=deployment.id, active_at=now)
    return Machine(runtime, bench, allocation_id, system_id)
