"""The jobs of billing: tick, checkpoints, seals. Each opens its own Contexts and may run twice at once."""

from datetime import timedelta

from app.context import Runtime
from app.domains.billing.service import accrual, verify
from app.shared.authz.actor import SYSTEM
from app.shared.manifest import CronSpec


async def run_tick(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Read all running meters, one transaction per 500 tenants."""
    after = None
    while True:
        async with runtime.context(SYSTEM) as ctx:
            done = await accrual.tick(ctx, after)
        if done.last is None:
            return
        after = done.last


async def run_checkpoints(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Checkpoint the accounts that gathered enough entries, one transaction per tenant: each holds one lock."""
    for _ in range(1_000):
        async with runtime.context(SYSTEM) as ctx:
            if await accrual.checkpoint(ctx, batch=1) == 0:
                return


async def run_seal(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Seal what was committed since the last seal."""
    async with runtime.context(SYSTEM) as ctx:
        await verify.seal(ctx)


CRONS = (
    CronSpec(name="billing.tick", run=run_tick, queue="billing", every=timedelta(seconds=10), timeout=60, retries=0),
    CronSpec(
        name="billing.checkpoint",
        run=run_checkpoints,
        queue="billing",
        every=timedelta(minutes=5),
        timeout=120,
        retries=0,
    ),
    CronSpec(name="billing.seal", run=run_seal, queue="billing", every=timedelta(minutes=1), timeout=120, retries=0),
)
