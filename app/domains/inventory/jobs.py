"""The jobs of the inventory, each every 30 seconds: the import from MAAS, and maintenance windows. Each may run
twice at once and be cut anywhere."""

from datetime import timedelta

import structlog

from app.domains.inventory.service.import_nodes import import_nodes
from app.domains.inventory.service.maintenance import turn_windows
from app.domains.maas.public import MaasError, gateway_of
from app.shared.authz.actor import SYSTEM
from app.shared.context import Runtime
from app.shared.manifest import CronSpec
from app.shared.records import keep_unread

log = structlog.get_logger("inventory")


async def run_import(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Bring the fleet up to date. A controller that does not answer is retried at the next run."""
    gateway = gateway_of(runtime)
    try:
        report = await import_nodes(lambda: runtime.context(SYSTEM), gateway, runtime.settings.maas.pool)
    except MaasError as error:
        log.warning("the fleet could not be read", code=error.code)
        return
    await keep_unread(runtime.valkey, "MAAS machines", gateway.unread.get("machines/", ()))
    if report.added or report.changed or report.missing:
        log.info("fleet imported", seen=report.seen, added=report.added, changed=report.changed, missing=report.missing)
    if report.unreadable:
        log.warning("machines were passed over", count=report.unreadable)


async def run_windows(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Start and end the maintenance windows that are due."""
    turned = await turn_windows(lambda: runtime.context(SYSTEM))
    if turned:
        log.info("maintenance windows turned", count=turned)


CRONS = (
    CronSpec(
        name="inventory.turn_windows",
        bound="windows that are due",
        run=run_windows,
        queue="maintenance",
        every=timedelta(seconds=30),
        timeout=60,
        retries=0,
    ),
    CronSpec(
        name="inventory.import_nodes",
        bound="machines that changed in MAAS, 50 per transaction",
        run=run_import,
        queue="maintenance",
        every=timedelta(seconds=30),
        timeout=120,
        retries=0,
    ),
)
