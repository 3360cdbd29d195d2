"""The jobs of the operator's console."""

from datetime import timedelta

from app.context import Runtime
from app.domains.admin.repository import audit
from app.shared.authz.actor import SYSTEM
from app.shared.manifest import CronSpec

MONTHS_AHEAD = 3


async def make_audit_partitions(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Keep three months of empty partitions ahead, so that no row of a coming month falls into the default one."""
    async with runtime.context(SYSTEM) as ctx:
        await audit.make_partitions(ctx.session, MONTHS_AHEAD)


CRONS = (
    CronSpec(
        name="admin.audit_partitions",
        run=make_audit_partitions,
        queue="maintenance",
        every=timedelta(hours=6),
        timeout=60,
        retries=0,
    ),
)
