"""The watch over apps. It may run twice at once and be cut anywhere."""

from datetime import timedelta

import structlog

from app.domains.appruntime.service.health import ask_again, watch
from app.shared.context import Runtime
from app.shared.manifest import CronSpec

log = structlog.get_logger("berth.apps")


async def run_watch(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Find apps that ended by themselves, and those whose workflow was lost."""
    asked = await ask_again(runtime)
    found = await watch(runtime)
    if asked or found:
        log.info("apps were not as they were said to be", asked_again=asked, found=found)


CRONS = (
    CronSpec(
        name="appruntime.watch",
        bound="pages of 500 apps that run, one machine per transaction; asks every machine with apps",
        run=run_watch,
        queue="maintenance",
        every=timedelta(seconds=10),
        timeout=60,
        retries=0,
    ),
)
