"""A small cloud for tests: simulated MAAS and nodes on sockets, a catalog, money for a tenant, Temporal, a provisioner.

Everything the product sees is reached by URL, as in production; only speed and limits of time differ.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx2
import msgspec
from sqlalchemy import text
from temporalio.client import Client

from app.domains.billing import public as billing
from app.domains.billing.contracts import PostCredit
from app.domains.inventory.contracts import Disk, Gpu, NewImage, NewPrice, NewSku
from app.domains.inventory.service.catalog import add_sku
from app.domains.inventory.service.images import add_image
from app.domains.inventory.service.import_nodes import Sighting, import_nodes, record
from app.domains.inventory.service.prices import announce_price
from app.domains.maas.contracts import MaasMachine, MachineStatus, SystemId
from app.domains.maas.public import gateway_of
from app.domains.provisioning import domain as provisioning
from app.domains.provisioning.models import Allocation
from app.domains.provisioning.repository import AllocationRepository
from app.domains.provisioning.service.forecast import LaunchAllocation
from app.domains.provisioning.service.launch import Launched, launch
from app.domains.provisioning.service.release import ReleaseAllocation, release
from app.shared.authz import Actor, ActorKind, Role, RoleBinding
from app.shared.authz.actor import SYSTEM
from app.shared.money import Micro, RateMicroPerHour
from devstack.keys import ensure_authorities
from devstack.simulators.nodes.testing import Bench
from tests.fixtures.drain import drain
from tests.simulators.harness import running
from tests.simulators.maas_world import ADMIN_KEY, OUR_KEY
from workers.provisioner import make_worker

if TYPE_CHECKING:
    from app.shared.context import Context, Runtime

USD = 1_000_000
PATIENCE_S = 60.0
DISKS = (Disk(2, 3_840_755_982_336),)
SKUS = (
    NewSku(code="h100x8", title="H100 SXM x8", cpu_count=192, memory_gib=2048, disks=DISKS, network_gbps=400,
           gpu_model="H100", gpu_vendor_id="10de", gpu_product_id="2330", gpu_count=8, vram_gib=80),
    NewSku(code="l40sx4", title="L40S x4", cpu_count=64, memory_gib=512, disks=DISKS, network_gbps=100,
           gpu_model="L40S", gpu_vendor_id="10de", gpu_product_id="26b9", gpu_count=4, vram_gib=48),
    NewSku(code="cpu", title="EPYC 96", cpu_count=96, memory_gib=768, disks=DISKS, network_gbps=100,
           sells_slots=False),
)  # fmt: skip
RATES = {"h100x8": (18_400_000, 2_400_000), "l40sx4": (4_800_000, 1_250_000), "cpu": (1_900_000, None)}
QUICK = {
    "provisioning.poll_milliseconds": 50,
    "provisioning.deploy_seconds": 20,
    "provisioning.answer_seconds": 3,
    "provisioning.close_seconds": 1,
    "provisioning.return_seconds": 20,
    "provisioning.release_retry_seconds": 1,
}
SET_POLICY = text("""
    INSERT INTO shared.policy_values (id, key, value) VALUES (:id, :key, CAST(:value AS jsonb))
    ON CONFLICT (key, tenant_id, project_id) DO UPDATE SET value = excluded.value
""")
CLAIMS = text("SELECT count(*) FROM provisioning.allocation_resource_claims WHERE freed_at IS NULL")
HELD = text("SELECT count(*) FROM inventory.node_resource_slots WHERE allocation_id IS NOT NULL")
OPEN = text("SELECT count(*) FROM provisioning.node_deployments WHERE state <> 'ended'")


async def add_price(ctx: Context, code: str) -> None:
    """The price of a type, from now on."""
    whole, gpu = RATES[code]
    rate_gpu = None if gpu is None else RateMicroPerHour(gpu)
    await announce_price(ctx, NewPrice(sku_code=code, rate_whole=RateMicroPerHour(whole), rate_gpu=rate_gpu))


async def set_policies(runtime: Runtime, **values: int | bool) -> None:
    """Policy values for everybody."""
    async with runtime.context(SYSTEM) as ctx:
        for key, value in values.items():
            row = {"id": uuid4(), "key": key, "value": msgspec.json.encode(value).decode()}
            await ctx.session.execute(SET_POLICY, row)


async def add_nodes(runtime: Runtime, code: str, count: int) -> None:
    """Imported nodes of a type, without a MAAS behind them."""
    sku = next(sku for sku in SKUS if sku.code == code)
    gpus = tuple(
        Gpu(sku.gpu_vendor_id or "", sku.gpu_product_id or "", sku.gpu_model or "", f"0000:0{index}:00.0")
        for index in range(sku.gpu_count)
    )
    machines = tuple(
        MaasMachine(
            system_id=SystemId(f"{code[:3]}{number:03d}"), hostname=f"{code}-node-{number:02d}",
            status=MachineStatus.READY, pool="berth", zone="zone-1", cpu_count=sku.cpu_count,
            memory_mib=sku.memory_gib * 1024, architecture="amd64/generic",
        )
        for number in range(1, count + 1)
    )  # fmt: skip
    async with runtime.context(SYSTEM) as ctx:
        seen_from = await ctx.now()
    sighting = Sighting(seen_from, machines, {machine.system_id: gpus for machine in machines})
    await record(lambda: runtime.context(SYSTEM), sighting)


class World:
    """One tenant with credit in front of a small fleet."""

    def __init__(self, runtime: Runtime, maas_url: str, bench: Bench) -> None:
        self.runtime = runtime
        self.maas_url = maas_url
        self.bench = bench
        self.tenant_id, self.project_id = uuid4(), uuid4()
        self.client: Client | None = None
        self.http = httpx2.AsyncClient(trust_env=False, timeout=10)

    def actor(self, user_id: UUID | None = None) -> Actor:
        return Actor(
            kind=ActorKind.USER,
            id=user_id or self.user_id,
            tenant_id=self.tenant_id,
            project_id=self.project_id,
            bindings=(RoleBinding(Role.TENANT_OWNER, self.tenant_id),),
        )

    user_id = UUID(int=7)

    # -- setting up --------------------------------------------------------------------------------------------------

    async def stock(self, credit: int = 1_000 * USD, *, of: Actor | None = None) -> None:
        """Types, prices, images, imported nodes, a tenant with credit: the world's own or that `of` somebody."""
        async with self.runtime.context(SYSTEM) as ctx:
            for sku in SKUS:
                await add_sku(ctx, sku)
                await add_price(ctx, sku.code)
            noble = NewImage(
                code="ubuntu-24.04", title="Ubuntu 24.04", osystem="ubuntu", distro_series="noble", is_default=True
            )
            await add_image(ctx, noble)
            await add_image(
                ctx, NewImage(code="ubuntu-22.04", title="Ubuntu 22.04", osystem="ubuntu", distro_series="jammy")
            )
        gateway = gateway_of(self.runtime)
        await import_nodes(lambda: self.runtime.context(SYSTEM), gateway, "berth")
        if of is None:
            await self.person()
        else:
            assert of.id and of.tenant_id and of.project_id
            self.user_id, self.tenant_id, self.project_id = of.id, of.tenant_id, of.project_id
        await self.policies(**QUICK)
        await self.add_credit(credit)

    async def person(self, name: str = "ada") -> UUID:
        """A person's row as signing in makes it, with a login; the first one is the world's own."""
        user_id = self.user_id if name == "ada" else uuid4()
        async with self.runtime.context(SYSTEM) as ctx:
            await ctx.session.execute(
                text("""
                    INSERT INTO auth.users (id, issuer, subject, email, email_verified, name, created_at, last_login_at)
                    VALUES (:id, 'test', :name, :name, true, :name, now(), now())
                """),
                {"id": user_id, "name": name},
            )
            await ctx.session.execute(
                text("INSERT INTO auth.user_posix_identities (user_id, login) VALUES (:id, :name)"),
                {"id": user_id, "name": name},
            )
            if name == "ada":
                place = {"tenant_id": self.tenant_id, "project_id": self.project_id}
                await ctx.session.execute(
                    text("INSERT INTO auth.tenants (id, name, created_at) VALUES (:tenant_id, 'Acme', now())"), place
                )
                await ctx.session.execute(
                    text("""
                        INSERT INTO auth.projects (id, tenant_id, name, created_at)
                        VALUES (:project_id, :tenant_id, 'default', now())
                    """),
                    place,
                )
        return user_id

    async def add_credit(self, amount: int) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            await billing.open_accounts(ctx, self.tenant_id, "USD")
            cause = uuid4()
            command = PostCredit(
                tenant_id=self.tenant_id, amount=Micro(amount), currency="USD", reference=f"payment:{cause}",
                source="payment", cause_id=cause,
            )  # fmt: skip
            await billing.post_credit(ctx, command)

    async def policies(self, **values: int | bool) -> None:
        await set_policies(self.runtime, **values)

    async def fault(self, name: str, **spec: object) -> None:
        base = self.maas_url.removesuffix("/MAAS")
        answer = await self.http.put(f"{base}/_faults/{name}", json=spec or {"count": 1})
        assert answer.status_code == 200, answer.text

    # -- doing -------------------------------------------------------------------------------------------------------

    async def launch(self, sku: str = "l40sx4", gpus: int | None = None, name: str = "", **who: Any) -> Launched:
        command = LaunchAllocation(sku_code=sku, image_code="ubuntu-24.04", gpus=gpus, name=name)
        async with self.runtime.context(self.actor(**who)) as ctx:
            launched = await launch(ctx, command)
        await self.drain()
        return launched

    async def release(self, allocation_id: UUID) -> None:
        async with self.runtime.context(self.actor()) as ctx:
            await release(ctx, ReleaseAllocation(allocation_id=allocation_id))
        await self.drain()

    async def drain(self) -> None:
        """Carry out what the outbox asks for; workflow calls go to Temporal when it is there."""
        queue = self.runtime.settings.temporal.task_queue
        await drain(self.runtime, [provisioning.DOMAIN], temporal=self.client, task_queue=queue)

    # -- looking -----------------------------------------------------------------------------------------------------

    async def get(self, allocation_id: UUID) -> Allocation:
        async with self.runtime.context(SYSTEM) as ctx:
            return await AllocationRepository(ctx.session).get(allocation_id)

    async def until(self, allocation_id: UUID, *states: str) -> Allocation:
        """Wait until the allocation is in one of `states`; another ending is a failure that says why."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.get(allocation_id)
                if found.state in states:
                    return found
                assert found.ended_at is None, f"{found.state}: {found.failure_code} {found.failure_text}"
                await asyncio.sleep(0.05)

    async def counts(self) -> dict[str, int]:
        """What must be zero when nothing runs, and the tenant's money."""
        async with self.runtime.context(SYSTEM) as ctx:
            balance = await billing.balance(ctx, self.tenant_id)
            return {
                "claims": int(await ctx.session.scalar(CLAIMS) or 0),
                "slots": int(await ctx.session.scalar(HELD) or 0),
                "deployments": int(await ctx.session.scalar(OPEN) or 0),
                "held": balance.held,
                "available": balance.available,
                "burn": balance.burn_per_hour,
            }

    async def machines(self) -> dict[str, str]:
        """Names and states of our machines as MAAS tells them."""
        gateway = gateway_of(self.runtime)
        return {machine.hostname: machine.status.name for machine in await gateway.list_machines(pool="berth")}

    async def nodes(self) -> dict[str, str]:
        """Names and states of nodes as the inventory keeps them."""
        async with self.runtime.context(SYSTEM) as ctx:
            rows = await ctx.session.execute(text("SELECT hostname, state FROM inventory.nodes"))
            return {row.hostname: row.state for row in rows}

    async def steps(self, allocation_id: UUID) -> list[tuple[int, str, str]]:
        async with self.runtime.context(SYSTEM) as ctx:
            rows = await ctx.session.execute(
                text("""
                    SELECT attempt, step, state FROM provisioning.allocation_events
                    WHERE allocation_id = :id ORDER BY started_at, id
                """),
                {"id": allocation_id},
            )
            return [(row.attempt, row.step, row.state) for row in rows]


@asynccontextmanager
async def small_cloud(runtime: Runtime, folder: Path, *, fleet: int = 12, speed: float = 20.0) -> AsyncIterator[World]:
    """MAAS and nodes, and a runtime that knows where they are. Nothing is stocked yet."""
    bench = Bench(folder)
    bench.start()
    try:
        own = {
            "port": 0, "admin_api_key": ADMIN_KEY, "api_key": OUR_KEY, "speed": speed,
            "nodes_url": f"http://127.0.0.1:{bench.control_port}",
        }  # fmt: skip
        config: dict[str, Any] = {"fleet": fleet, "maas": own, "nodes": {"ssh_port": bench.ssh_port}}
        async with running("maas", config, folder / "maas") as port:
            url = f"http://127.0.0.1:{port}/MAAS"
            maas = msgspec.structs.replace(
                runtime.settings.maas, url=url, api_key=OUR_KEY, node_ssh_port=bench.ssh_port
            )
            ensure_authorities(runtime.settings.pki_dir)
            runtime.settings = msgspec.structs.replace(runtime.settings, maas=maas)
            world = World(runtime, url, bench)
            try:
                yield world
            finally:
                await world.http.aclose()
    finally:
        bench.stop()


@asynccontextmanager
async def provisioner(
    world: World, address: str, domains: Sequence[Any] = (provisioning.DOMAIN,), queue: str | None = None
) -> AsyncIterator[None]:
    """Temporal at `address` and one worker, on a task queue of the test's own."""
    temporal = msgspec.structs.replace(
        world.runtime.settings.temporal, address=address, task_queue=queue or f"test-{uuid4().hex[:8]}"
    )
    world.runtime.settings = msgspec.structs.replace(world.runtime.settings, temporal=temporal)
    world.client = await Client.connect(address)
    worker = make_worker(world.client, world.runtime, domains)
    assert worker is not None
    async with worker:
        yield
