"""The jobs of storage: expiry, the comparison of bucket and table, copies to machines, and links."""

from datetime import timedelta

import msgspec

from app.domains.storage.service import compare, copies, expiry, links
from app.domains.storage.service.copies import RunCopy
from app.domains.storage.service.folders import RESTORE_MANY
from app.shared.batch import job_of
from app.shared.context import Runtime
from app.shared.manifest import CronSpec, JobSpec


async def run_sweep(runtime: Runtime, arguments: dict[str, object]) -> None:
    """End expired uploads and purge deleted files."""
    await expiry.sweep(runtime)


async def watch_links(runtime: Runtime, arguments: dict[str, object]) -> None:
    """End public links whose creators lost the right to share."""
    await links.withdraw(runtime)


async def run_comparison(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Compare bucket and table."""
    await compare.compare(runtime)


async def run_copy(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Copy one file to one machine."""
    await copies.run(runtime, msgspec.convert(arguments, RunCopy, strict=False).copy_id)


JOBS = (JobSpec(name=copies.JOB, run=run_copy, queue="maintenance", timeout=21_600, retries=0), job_of(RESTORE_MANY))
CRONS = (
    CronSpec(
        name="storage.watch_links",
        bound="people who lost the right to share, one per transaction; reads everyone with a link",
        run=watch_links,
        queue="maintenance",
        every=timedelta(seconds=2),
        timeout=30,
        retries=0,
    ),
    CronSpec(
        name="storage.sweep",
        bound="500 expired uploads and 500 deleted files",
        run=run_sweep,
        queue="maintenance",
        every=timedelta(minutes=1),
        timeout=600,
        retries=0,
    ),
    CronSpec(
        name="storage.compare",
        bound="pages of the bucket, once in six hours",
        run=run_comparison,
        queue="maintenance",
        every=timedelta(hours=6),
        timeout=7_200,
        retries=0,
    ),
)
