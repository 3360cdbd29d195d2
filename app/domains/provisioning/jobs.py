"""SSH keys on their way to machines, and the reconciler, every minute. It may run twice at once and be cut anywhere."""

from datetime import timedelta

import msgspec
import structlog

from app.domains.maas import public as maas
from app.domains.provisioning.contracts import EndEntries, SyncAccess
from app.domains.provisioning.service import access, endings
from app.domains.provisioning.service.exhausted import RELEASE_TENANT
from app.domains.provisioning.service.reconcile import ask_again, give_back_strays
from app.shared.batch import job_of
from app.shared.context import Runtime
from app.shared.manifest import CronSpec, JobSpec

log = structlog.get_logger("berth.provisioning")


async def run_reconcile(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Find lost workflows and stray machines. A controller that does not answer is asked again at the next turn."""
    asked = await ask_again(runtime)
    if asked:
        log.info("workflows were asked for again", count=asked)
    async with maas.open_gateway(runtime.settings.maas) as gateway:
        try:
            await give_back_strays(runtime, gateway)
        except maas.MaasError as error:
            log.warning("stray machines could not be looked for", code=error.code)


async def sync_access(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Bring the wanted SSH keys to one machine."""
    await access.sync_access(runtime, msgspec.convert(arguments, SyncAccess, strict=False).allocation_id)


async def end_entries(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Let one machine refuse the certificates that have ended."""
    await endings.end_entries(runtime, msgspec.convert(arguments, EndEntries, strict=False))


async def watch_access(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Ask again for key lists that got lost, and ask machines when keys were used."""
    lost = await access.sweep_access(runtime)
    if lost:
        log.info("key lists were asked for again", count=lost)
    late = await endings.sweep_endings(runtime)
    if late:
        log.info("endings of certificates were asked for again", count=late)
    await access.read_uses(runtime)


JOBS = (
    JobSpec(name=access.SYNC_JOB, run=sync_access, queue="maintenance", timeout=120, retries=3),
    JobSpec(name=endings.END_JOB, run=end_entries, queue="maintenance", timeout=300, retries=3),
    job_of(RELEASE_TENANT),
)
CRONS = (
    CronSpec(
        name="provisioning.watch_access",
        run=watch_access,
        queue="maintenance",
        every=timedelta(seconds=60),
        timeout=300,
        retries=0,
    ),
    CronSpec(
        name="provisioning.reconcile",
        run=run_reconcile,
        queue="maintenance",
        every=timedelta(seconds=60),
        timeout=120,
        retries=0,
    ),
)
