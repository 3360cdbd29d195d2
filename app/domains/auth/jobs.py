"""The job of identity: invitations whose time has run out. It opens its own Contexts and may run twice at once."""

from datetime import timedelta
from uuid import UUID

from app.context import Runtime
from app.domains.auth.service import invitations
from app.shared.authz.actor import SYSTEM
from app.shared.batch import each_alone
from app.shared.manifest import CronSpec


async def run_expiry(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Expire what is due, one transaction each."""
    async with runtime.context(SYSTEM) as ctx:
        due = await invitations.list_due(ctx)

    async def expire(invitation_id: UUID) -> bool:
        async with runtime.context(SYSTEM) as ctx:
            return await invitations.expire(ctx, invitation_id)

    await each_alone(due, expire, "an invitation could not be expired")


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
