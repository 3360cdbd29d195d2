"""A tenant's books in a few words: each call is one Context of its own, at the instant that the test's clock shows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import text

from app.domains.billing import public
from app.domains.billing.contracts import (
    BalanceView,
    PlaceHold,
    PostCredit,
    StartMetering,
    StopMetering,
    VerifyReport,
)
from app.domains.billing.jobs import run_tick
from app.shared.authz import Actor, ActorKind, Role, RoleBinding
from app.shared.authz.actor import SYSTEM
from app.shared.money import Micro, RateMicroPerHour

if TYPE_CHECKING:
    from app.shared.context import Runtime
    from tests.fixtures.clock import FakeClock

USD = 1_000_000
RATE = RateMicroPerHour(18_400_000)


class Books:
    """One tenant with accounts in US dollars."""

    def __init__(self, runtime: Runtime, clock: FakeClock) -> None:
        self.runtime = runtime
        self.clock = clock
        self.tenant_id, self.project_id = uuid4(), uuid4()

    @property
    def actor(self) -> Actor:
        return Actor(
            kind=ActorKind.USER,
            id=uuid4(),
            tenant_id=self.tenant_id,
            project_id=self.project_id,
            bindings=(RoleBinding(Role.TENANT_OWNER, self.tenant_id),),
        )

    async def open(self, credit: int = 0) -> Books:
        async with self.runtime.context(SYSTEM) as ctx:
            await public.open_accounts(ctx, self.tenant_id, "USD")
        if credit:
            await self.credit(credit)
        return self

    async def credit(self, amount: int, reference: str | None = None, source: str = "payment") -> UUID:
        cause = uuid4()
        async with self.runtime.context(SYSTEM) as ctx:
            return await public.post_credit(
                ctx,
                PostCredit(
                    tenant_id=self.tenant_id,
                    amount=Micro(amount),
                    currency="USD",
                    reference=reference or f"{source}:{cause}",
                    source=source,  # type: ignore[arg-type]
                    cause_id=cause,
                ),
            )

    async def hold(
        self, amount: int, allocation_id: UUID | None = None, label: str = "train-07", gpus: int = 8
    ) -> UUID:
        allocation_id = allocation_id or uuid4()
        async with self.runtime.context(SYSTEM) as ctx:
            await public.place_hold(
                ctx,
                PlaceHold(
                    tenant_id=self.tenant_id,
                    project_id=self.project_id,
                    allocation_id=allocation_id,
                    amount=Micro(amount),
                    label=label,
                    gpus=gpus,
                ),
            )
        return allocation_id

    async def start(self, allocation_id: UUID, rate: int = RATE) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            await public.start_metering(
                ctx,
                StartMetering(
                    tenant_id=self.tenant_id,
                    project_id=self.project_id,
                    allocation_id=allocation_id,
                    sku_id=uuid4(),
                    price_version_id=uuid4(),
                    rate=RateMicroPerHour(rate),
                    at=self.clock.instant,
                ),
            )

    async def run(self, rate: int = RATE, hold: int | None = None, allocation_id: UUID | None = None) -> UUID:
        """A machine that works: its hold is two hours unless given."""
        allocation_id = await self.hold(2 * rate if hold is None else hold, allocation_id)
        await self.start(allocation_id, rate)
        return allocation_id

    async def stop(self, allocation_id: UUID) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            await public.stop_metering(ctx, StopMetering(allocation_id=allocation_id, at=self.clock.instant))

    async def release(self, allocation_id: UUID) -> None:
        async with self.runtime.context(SYSTEM) as ctx:
            await public.release_hold(ctx, allocation_id)

    async def tick(self, seconds: float = 0) -> None:
        self.clock.advance(seconds)
        await run_tick(self.runtime, {})

    async def balance(self) -> BalanceView:
        async with self.runtime.context(SYSTEM) as ctx:
            return await public.balance(ctx, self.tenant_id)

    async def verify(self) -> VerifyReport:
        async with self.runtime.context(SYSTEM) as ctx:
            return await public.verify_ledger(ctx)

    async def rows(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        async with self.runtime.context(SYSTEM) as ctx:
            return [tuple(row) for row in await ctx.session.execute(text(sql), values)]

    async def events(self, name: str) -> list[dict[str, object]]:
        """Payloads of the events of that name, in the order they were written."""
        rows = await self.rows(
            "SELECT payload FROM shared.outbox_events WHERE name = :name AND tenant_id = :tenant ORDER BY version, id",
            name=f"berth.v1.{name}",
            tenant=self.tenant_id,
        )
        return [row[0] for row in rows]  # type: ignore[misc]
