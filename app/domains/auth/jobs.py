"""Periodic jobs of auth: expire invitations, and revoke grants whose sponsor lost the right to make them.

They may run twice at once."""

from datetime import timedelta
from uuid import UUID

from app.domains.auth.service import invitation_lifecycle, sponsors
from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.context import Runtime
from app.shared.manifest import CronSpec


async def expire_invitations(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Expire the due invitations, one transaction each."""
    async with runtime.context(SYSTEM) as ctx:
        due = await invitation_lifecycle.list_due(ctx)

    async def expire(invitation_id: UUID) -> bool:
        async with runtime.context(SYSTEM) as ctx:
            return await invitation_lifecycle.expire(ctx, invitation_id)

    await one_by_one(due, expire, "an invitation could not be expired")


async def revoke_unsponsored(runtime: Runtime, arguments: dict[str, object]) -> None:
    """Revoke credentials and invitations, and pause service accounts, without a valid sponsor."""
    await sponsors.revoke_unsponsored(runtime)


CRONS = (
    CronSpec(
        name="auth.watch_handed_out",
        bound="grants whose sponsor lost the right, one per transaction; reads every valid grant",
        run=revoke_unsponsored,
        queue="maintenance",
        every=timedelta(seconds=2),
        timeout=30,
        retries=0,
    ),
    CronSpec(
        name="auth.invitations",
        bound="200 due invitations, one per transaction",
        run=expire_invitations,
        queue="maintenance",
        every=timedelta(minutes=1),
        timeout=60,
        retries=0,
    ),
)
