"""The reconciler, every minute. It may run twice at once and be cut anywhere."""

from datetime import timedelta

import structlog

from app.context import Runtime
from app.domains.maas import public as maas
from app.domains.provisioning.service.reconcile import ask_again, give_back_strays
from app.shared.authz.actor import SYSTEM
from app.shared.manifest import CronSpec

log = structlog.get_logger("berth.provisioning")


async def run_reconcile(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Find lost workflows and stray machines. A controller that does not answer is asked again at the next turn."""
    async with runtime.context(SYSTEM) as ctx:
        asked = await ask_again(ctx)
    if asked:
        log.info("workflows were asked for again", count=asked)
    async with maas.open_gateway(runtime.settings.maas) as gateway:
        try:
            await give_back_strays(runtime, gateway)
        except maas.MaasError as error:
            log.warning("stray machines could not be looked for", code=error.code)


CRONS = (
    CronSpec(
        name="provisioning.reconcile",
        run=run_reconcile,
        queue="maintenance",
        every=timedelta(seconds=60),
        timeout=120,
        retries=0,
    ),
)
