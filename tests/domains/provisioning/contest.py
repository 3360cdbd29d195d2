"""Many allocations that compete for the slots of a few nodes, through the same functions as the activities call."""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.domains.inventory.contracts import NewImage
from app.domains.inventory.service.catalog import add_sku
from app.domains.inventory.service.images import add_image
from app.domains.provisioning.contracts import End, GiveUp, Step
from app.domains.provisioning.errors import NoCapacity
from app.domains.provisioning.service import placing, teardown
from app.shared.authz.actor import SYSTEM
from app.shared.errors import DomainError
from tests.domains.provisioning.world import SKUS, add_nodes, add_price
from tests.fixtures.slots import DISAGREEMENTS

INSERT = text("""
    INSERT INTO provisioning.allocations (id, tenant_id, project_id, user_id, name, sku_id, sku_code, gpus, whole,
        slots, image_code, currency, rate_micro, price_version_id, hold_micro, login, uid, state, state_changed_at,
        correlation_id, requested_at)
    VALUES (:id, :tenant_id, :project_id, :id, :name, :sku_id, 'h100x8', :gpus, :whole, :slots, 'ubuntu-24.04', 'USD',
        1, :id, 0, :login, :uid, 'requested', clock_timestamp(), 'correlation-id', clock_timestamp())
""")
HELD = text("SELECT count(*) FROM inventory.node_resource_slots WHERE allocation_id IS NOT NULL")


class Race:
    """One tenant, nodes of eight slots, as many contenders as a test wants."""

    def __init__(self, runtime) -> None:
        self.runtime = runtime
        self.tenant_id, self.project_id = uuid4(), uuid4()
        self.sku_id = UUID(int=0)

    async def stock(self, nodes: int) -> Race:
        async with self.runtime.context(SYSTEM) as ctx:
            for sku in SKUS:
                view = await add_sku(ctx, sku)
                await add_price(ctx, sku.code)
                if sku.code == "h100x8":
                    self.sku_id = view.id
            image = NewImage(
                code="ubuntu-24.04", title="Ubuntu", osystem="ubuntu", distro_series="noble", is_default=True
            )
            await add_image(ctx, image)
        await add_nodes(self.runtime, "h100x8", nodes)
        return self

    async def contenders(self, sizes: list[int | None]) -> list[UUID]:
        ids = [uuid4() for _ in sizes]
        async with self.runtime.context(SYSTEM) as ctx:
            for number, (allocation_id, slots) in enumerate(zip(ids, sizes, strict=True)):
                row = {
                    "id": allocation_id, "tenant_id": self.tenant_id, "project_id": self.project_id,
                    "name": f"n-{allocation_id.hex[:12]}", "sku_id": self.sku_id, "gpus": slots or 8,
                    "whole": slots is None, "slots": slots, "login": f"user{number}", "uid": 20_001 + number,
                }  # fmt: skip
                await ctx.session.execute(INSERT, row)
        return ids

    async def place(self, allocation_id: UUID) -> bool:
        """What the activity does, with the broker's retries for what is worth one."""
        for _ in range(50):
            try:
                async with self.runtime.context(SYSTEM) as ctx:
                    await placing.place(ctx, Step(str(allocation_id), "correlation-id", 1))
                return True
            except NoCapacity:
                return False
            except PoolTimeout:
                continue  # 64 at ten connections of a busy machine: the broker would come again
            except DomainError as error:
                if not error.retryable:
                    raise
        raise AssertionError("never an answer")

    async def leave(self, allocation_id: UUID) -> None:
        step = Step(str(allocation_id), "correlation-id", 1)
        async with self.runtime.context(SYSTEM) as ctx:
            await teardown.vacate(ctx, GiveUp(step))
        async with self.runtime.context(SYSTEM) as ctx:
            await teardown.end(ctx, End(step, "canceled"))

    async def check(self) -> int:
        """Claims and slots agree; answers how many slots are held."""
        async with self.runtime.context(SYSTEM) as ctx:
            disagreements = (await ctx.session.execute(text(DISAGREEMENTS))).all()
            assert disagreements == [], disagreements
            return int(await ctx.session.scalar(HELD) or 0)
