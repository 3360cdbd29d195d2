"""Periodic maintenance: picks up mails and deliveries whose job was lost, and deletes old rows."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.domains.notification import policies
from app.domains.notification.repository import feed as feed_rows
from app.domains.notification.repository import inbox as inbox_rows
from app.domains.notification.repository import mails as mail_rows
from app.domains.notification.repository.deliveries import DeliveryRepository, prune_deliveries
from app.domains.notification.service import deliveries, mails
from app.domains.notification.service.deliveries import DeliveryRef
from app.shared.authz.actor import SYSTEM
from app.shared.batch import one_by_one
from app.shared.context import Context, Runtime
from app.shared.policy import PolicyKey

AT_ONCE = 50
BATCH = 1_000
GRACE = timedelta(seconds=30)  # so that the job itself comes first
WEBHOOK_GRACE = timedelta(minutes=5)  # a queue of webhooks may be long
Prune = Callable[[AsyncSession, datetime, int], Awaitable[int]]


async def sweep(runtime: Runtime) -> int:
    """One round. Returns how many overdue mails and deliveries were picked up."""
    async with runtime.context(SYSTEM) as ctx:
        overdue = await mail_rows.list_overdue_mails(ctx.session, await ctx.now() - GRACE, AT_ONCE)
        late = await _ask_again(ctx)
    await one_by_one(overdue, lambda mail_id: mails.send(runtime, mail_id), "a mail could not be sent")
    return len(overdue) + late


async def _ask_again(ctx: Context) -> int:
    """Enqueue overdue deliveries again. Receivers may be slow, so they are not called here."""
    repository, now = DeliveryRepository(ctx.session), await ctx.now()
    late = await repository.list_overdue(now - WEBHOOK_GRACE, AT_ONCE)
    for delivery_id in late:
        await repository.postpone(delivery_id, now)
        await ctx.enqueue(deliveries.JOB, DeliveryRef(id=delivery_id), aggregate_id=delivery_id)
    return len(late)


async def prune(runtime: Runtime) -> None:
    """Delete rows that are older than their policy, one batch per transaction."""

    async def forget(kind: tuple[PolicyKey[int], Prune]) -> None:
        key, step = kind
        gone = BATCH
        while gone >= BATCH:
            async with runtime.context(SYSTEM) as ctx:
                before = await ctx.now() - timedelta(days=await ctx.policy(key))
                gone = await step(ctx.session, before, BATCH)

    await one_by_one(PRUNED, forget, "old rows could not be deleted")


PRUNED: tuple[tuple[PolicyKey[int], Prune], ...] = (
    (policies.MAIL_DAYS, mail_rows.prune_mails),
    (policies.INBOX_DAYS, inbox_rows.prune_items),
    (policies.FEED_DAYS, feed_rows.prune_events),
    (policies.WEBHOOK_DAYS, prune_deliveries),
)
