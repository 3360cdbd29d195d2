"""A prepared world in which every change of the API can be asked for, and what a recipe gives: one such request.

A recipe prepares its own things through the API, in a savepoint that ends with it: recipes know nothing of each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncssh
import httpx
from sqlalchemy import text

from app.domains.appruntime.service.manifests import publish_built_in
from app.shared.authz.actor import SYSTEM
from devstack.keys import ensure_authorities
from tests.domains.admin.helpers import give_role
from tests.domains.admin.test_second_person import PAID
from tests.domains.inventory.stock import node_ids, plant, see
from tests.domains.provisioning.hall import machine
from tests.domains.provisioning.test_pages import give_credit
from tests.domains.provisioning.world import USD
from tests.domains.terminal.world import stock_machine
from tests.fixtures.app import Browser, SignIn, tenant_of
from tests.fixtures.clock import FakeClock

if TYPE_CHECKING:
    from app.shared.context import Runtime
    from app.shared.db import Database

KINDS = ("h100x8", "l40sx4", "cpu")
NO_BENCH: Any = SimpleNamespace(user_data=lambda: "", put=lambda *_, **__: None, address="127.0.0.1")


@dataclass(frozen=True)
class Ask:
    """One request. `other` is laid over the body to make another one of it; a request without a body becomes another
    by its If-Match. `repeated` is what the second answer says otherwise than the first one: secrets, shown once."""

    who: str = "ada"
    body: dict[str, Any] | None = None
    other: dict[str, Any] = field(default_factory=dict)
    path: dict[str, object] = field(default_factory=dict)


@dataclass
class World:
    """Ada with credit, a machine and two free types; Ben in an organisation of his own; Olga and Otto, operators."""

    runtime: Runtime
    db: Database
    sign_in_as: SignIn
    people: dict[str, Browser]
    nodes: list[UUID]
    tables: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Browser:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    async def send(self, who: str, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        browser = self.people[who]
        sent = {
            "sec-fetch-site": "same-origin", "x-csrftoken": browser.csrf, "x-idempotency-key": secrets.token_hex(8),
            **headers,
        }  # fmt: skip
        return await browser.client.request(method, f"/api/v1{path}", json=body, headers=sent)

    async def do(self, who: str, method: str, path: str, body: object = None, **headers: str) -> Any:
        """A request that has to succeed; its answer."""
        answer = await self.send(who, method, path, body, **headers)
        assert answer.is_success, (method, path, answer.status_code, answer.text[:600])
        return answer.json() if answer.content else None

    async def make(self, path: str, body: object = None, who: str = "ada", name: str = "id") -> str:
        """The id of what was made, which the answer calls `name`."""
        return str((await self.do(who, "POST", path, body))[name])

    async def items(self, path: str, who: str = "ada") -> list[dict[str, Any]]:
        found = await self.do(who, "GET", path)
        return list(found if isinstance(found, list) else found["items"])

    async def run(self, sql: str, **values: object) -> Any:
        async with self.runtime.context(SYSTEM) as ctx:
            return await ctx.session.execute(text(sql), values)

    async def machine(self, **more: Any) -> UUID:
        """A paid machine of Ada's that runs."""
        return await machine(self.runtime, self.people["ada"], self.nodes[1], slots=(0, 1), metered=True, **more)

    async def deployed(self) -> UUID:
        """A machine of Ada's with its deployment."""
        return (await stock_machine(self.runtime, NO_BENCH, self.people["ada"])).id  # type: ignore[arg-type]

    async def payment(self, units: int = 100) -> UUID:
        """A payment of Ada's that has arrived."""
        found = await self.run("SELECT gen_random_uuid()")
        payment_id: UUID = found.scalar_one()
        tenant_id = tenant_of(self.people["ada"])
        async with self.runtime.context(SYSTEM) as ctx:
            row = {"id": payment_id, "tenant_id": tenant_id, "amount": units * USD}
            await ctx.session.execute(PAID, row)
        return payment_id


Recipe = Callable[[World], Awaitable[Ask]]


def plain(who: str = "ada", *, other: dict[str, Any] | None = None, **body: Any) -> Recipe:
    """A request that needs nothing prepared."""

    async def recipe(_world: World) -> Ask:
        return Ask(who, body or None, other or {})

    return recipe


def new_key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


async def prepare(runtime: Runtime, db: Database, sign_in_as: SignIn) -> World:
    """The world of all recipes."""
    runtime.settings.pki_dir.mkdir(exist_ok=True)
    ensure_authorities(runtime.settings.pki_dir)
    clock = runtime.clock
    runtime.clock = FakeClock(datetime.now(UTC) - timedelta(days=1))  # prices in force for a while
    await plant(runtime)
    runtime.clock = clock
    await see(runtime, KINDS)
    people = {name: await sign_in_as(name, operator=name == "olga") for name in ("ada", "ben", "olga", "otto")}
    for role in ("platform_admin", "platform_finance"):
        await give_role(runtime, people["otto"], role)
    await give_credit(runtime, people["ada"], 1_000 * USD)
    async with runtime.context(SYSTEM) as ctx:
        await publish_built_in(ctx)
    return World(runtime, db, sign_in_as, people, await node_ids(runtime))
