"""The jobs of identity: invitations whose time has run out, and what nobody answers for any more. They open their own
Contexts and may run twice at once."""

from datetime import timedelta
from uuid import UUID

from app.domains.auth.service import handed_out, invitations
from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.context import Runtime
from app.shared.manifest import CronSpec


async def run_expiry(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Expire what is due, one transaction each."""
    async with runtime.context(SYSTEM) as ctx:
        due = await invitations.list_due(ctx)

    async def expire(invitation_id: UUID) -> bool:
        async with runtime.context(SYSTEM) as ctx:
            return await invitations.expire(ctx, invitation_id)

    await one_by_one(due, expire, "an invitation could not be expired")


async def watch_handed_out(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Credentials, service accounts and invitations end with the right of who answers for them."""
    await handed_out.withdraw(runtime)


CRONS = (
    CronSpec(
        name="auth.watch_handed_out",
        run=watch_handed_out,
        queue="maintenance",
        every=timedelta(seconds=2),
        timeout=30,
        retries=0,
    ),
    CronSpec(
        name="auth.invitations",
        run=run_expiry,
        queue="maintenance",
        every=timedelta(minutes=1),
        timeout=60,
        retries=0,
    ),
)
