"""The job of identity: invitations whose time has run out. It opens its own Contexts and may run twice at once."""

from datetime import timedelta

from app.context import Runtime
from app.domains.auth.service import invitations
from app.shared.authz.actor import SYSTEM
from app.shared.manifest import CronSpec


async def run_expiry(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Expire what is due, one transaction per batch."""
    for _ in range(100):
        async with runtime.context(SYSTEM) as ctx:
            if await invitations.expire_due(ctx) < invitations.BATCH:
                return


CRONS = (
    CronSpec(
        name="auth.invitations",
        run=run_expiry,
        queue="maintenance",
        every=timedelta(minutes=1),
        timeout=60,
        retries=0,
    ),
)
