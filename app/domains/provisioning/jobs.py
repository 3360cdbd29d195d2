"""The reconciler, every minute, and what releases does on machines that we find for it. Each may run twice at once and
be cut anywhere."""

from datetime import timedelta

import structlog

from app.domains.maas import public as maas
from app.domains.provisioning.service.exhausted import RELEASE_TENANT
from app.domains.provisioning.service.reconcile import ask_again, release_strays
from app.domains.provisioning.service.targets import find_machine
from app.domains.releases import public as releases
from app.shared.batch import job_of
from app.shared.context import Runtime
from app.shared.manifest import CronSpec

log = structlog.get_logger("berth.provisioning")


async def run_reconcile(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Find lost workflows and stray machines. A controller that does not answer is retried at the next run."""
    asked = await ask_again(runtime)
    if asked:
        log.info("workflows were asked for again", count=asked)
    try:
        await release_strays(runtime, maas.gateway_of(runtime))
    except maas.MaasError as error:
        log.warning("stray machines could not be looked for", code=error.code)


JOBS = (
    job_of(RELEASE_TENANT),
    *releases.delivery_jobs(find_machine),
)
CRONS = (
    CronSpec(
        name="provisioning.reconcile",
        bound="100 stuck allocations, one per transaction; one list of the MAAS pool",
        run=run_reconcile,
        queue="maintenance",
        every=timedelta(seconds=60),
        timeout=120,
        retries=0,
    ),
    *releases.delivery_crons(find_machine),
)
