"""The watch over rights to log in. It may run twice at once and be cut anywhere."""

from datetime import timedelta

import structlog

from app.domains.releases.service import rights
from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.context import Runtime
from app.shared.manifest import CronSpec

log = structlog.get_logger("berth.releases")


async def watch_rights(runtime: Runtime, arguments: dict[str, object]) -> None:
    """End the keys and certificates whose right has ended without anybody telling."""
    async with runtime.context(SYSTEM) as ctx:
        lost = await rights.find_lost(ctx)

    async def end(found: rights.Lost) -> bool:
        async with runtime.context(SYSTEM) as ctx:
            return await rights.end_claim(ctx, found)

    ended = await one_by_one(lost, end, "a right to log in could not be ended")
    if ended:
        log.info("rights to log in have ended", count=ended)


CRONS = (
    CronSpec(
        name="releases.watch_rights",
        bound="rights that ended, one per transaction; reads every right that opens a machine",
        run=watch_rights,
        queue="maintenance",
        every=timedelta(seconds=2),
        timeout=30,
        retries=0,
    ),
)
